// One long poll says "something changed"; the three columns then fetch what they show.
import { byId, call } from "./tools.js";
import * as phone from "./phone.js";
import * as printer from "./printer.js";
import * as scenes from "./scenes.js";

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function follow() {
  let seen = { revision: -1, paper: "-" };
  for (;;) {
    try {
      const query = new URLSearchParams({ revision: seen.revision, paper: seen.paper, timeout: 20 });
      const news = await call("GET", `/control/changes?${query}`);
      const work = [];
      if (news.revision !== seen.revision) work.push(phone.refresh(), scenes.refresh());
      if (news.paper !== seen.paper) work.push(printer.refresh());
      await Promise.all(work);
      seen = news;
      document.body.classList.remove("lost");
    } catch {
      document.body.classList.add("lost");
      await pause(1500);
    }
    await pause(120);
  }
}

const facts = await call("GET", "/page/facts");
byId("dashboard").href = `${facts.backend}/staff`;
phone.start(facts);
printer.start();
scenes.start(facts);
follow();
