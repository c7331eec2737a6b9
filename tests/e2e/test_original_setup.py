"""The set-up as it was first described: schema.sql, uvicorn from backend/, a worker's config."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from app.core.config import Settings
from tests.support.canaries import canaries_of, told_in_logs
from tests.support.processes import PYTHON, ROOT
from tests.support.services import public_directory
from tests.support.town import KEY, Plan, Town


class Original(Town):
    """``uvicorn app.main:app`` and ``python main.py`` beside its ``config.json``."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        super().__init__(folder, plan)
        serve = ["-m", "uvicorn", "app.main:app", "--host", "0.0.0.0", "--port"]
        self.backends[0].command = [PYTHON, *serve, str(self.ports[0])]
        place = folder / "shop-pc" / "print_worker"
        shutil.copytree(ROOT / "print_worker", place)
        config = {
            "backend_url": self.url,
            "api_key": KEY,
            "redis_url": "",
            "queue_name": "print_queue",
            "printer_name": "",
            "poll_timeout": 20,
            "virtual_output_dir": str(self.paper.folder),
        }
        (place / "config.json").write_text(json.dumps(config), "utf-8")
        self.worker.command = [PYTHON, "main.py"]
        self.worker.cwd = place
        mark = self.worker.env["PRINTWALA_TOWN"]
        self.worker.env = {
            name: value
            for name, value in self.worker.env.items()
            if not name.startswith("PRINTWALA_") and name != "PYTHONPATH"
        } | {"PRINTWALA_TOWN": mark}


def test_the_original_commands_still_work(empty_database_url: str) -> None:
    schema = subprocess.run(
        [PYTHON, "-m", "app.cli", "schema"],
        cwd=ROOT / "backend",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert schema == (ROOT / "backend" / "schema.sql").read_text("utf-8")
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        [(superuser,)] = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchall()
        assert superuser is False
        connection.execute(schema.encode())

    with (
        public_directory("original") as folder,
        Original(folder, Plan(database_url=empty_database_url)) as town,
    ):
        customer = town.customer("Neighbour", 1)
        town.bank.pays(customer.is_asked_to_pay(pages=2, copies=2))
        customer.hears("Ready!", seconds=40)

        assert (
            town.paper.words(town.order_of(customer)["job"])
            == [
                "Neighbour page 1",
                "Neighbour page 2",
            ]
            * 2
        )
        assert (folder / "shop-pc" / "print_worker" / "print_worker.log").exists()

        page = town.sql("SELECT page_token FROM orders")[0]["page_token"]
        assert town.client.get(f"{town.url}/o/{page}").status_code == 200
        assert town.client.get(f"{town.url}/o/not-a-page-of-ours-0123456789").status_code == 404
        assert all(canaries_of(town).values()), "something of every kind to look for"
        assert told_in_logs(town) == [], "uvicorn's own lines about requests are looked at too"


def test_an_empty_variable_keeps_the_env_file_of_a_real_shop_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / ".env"
    kept.write_text("DATABASE_URL=postgresql://shop@db/shop\nSHOP_NAME=Real shop\n", "utf-8")
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.delenv("SHOP_NAME", raising=False)

    settings = Settings(_env_file=kept)

    assert (settings.database_url, settings.shop_name) == ("", "Real shop")
