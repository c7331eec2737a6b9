"""Twilio's files: behind Basic auth a redirect, behind it a server that wants no credentials."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from simulator.phone import API_VERSION, media_path
from simulator.rest import Call, Refused
from simulator.twilio import MessagesApi, not_found, rfc2822
from simulator.world import JsonObject, Media

LINK_SECONDS = 4 * 3600  # how long a signed address works


@dataclass
class MediaApi:
    messages: MessagesApi

    def routes(self) -> list[Route]:
        route = self.messages.counter.route
        base = f"/{API_VERSION}/Accounts/{{account}}/Messages/{{sid}}/Media"
        return [
            route(
                base + ".json",
                "GET",
                "twilio.media.list",
                "Lists the files of a message",
                self.search,
            ),
            route(
                base + "/{media:str}.json",
                "GET",
                "twilio.media.metadata",
                "Reads about a file",
                self.metadata,
            ),
            route(
                base + "/{media:str}.json",
                "DELETE",
                "twilio.media.delete",
                "Deletes a file",
                self.delete,
            ),
            route(base + "/{media:str}", "GET", "twilio.media.fetch", "Fetches a file", self.fetch),
            route(
                base + "/{media:str}",
                "DELETE",
                "twilio.media.delete",
                "Deletes a file",
                self.delete,
            ),
            Route("/media/{account}/{key}", self.file, methods=["GET"]),
        ]

    async def search(self, call: Call) -> Response:
        message = self.messages.find(call)
        account = self.messages.settings.account_sid
        uri = f"/{API_VERSION}/Accounts/{account}/Messages/{message.sid}/Media.json"
        here = [media for media in message.media if media.sid in self.messages.world.media]
        return JSONResponse(
            {
                "media_list": [self.entity(media) for media in here],
                "page": 0,
                "page_size": 50,
                "start": 0,
                "end": max(len(here) - 1, 0),
                "uri": uri,
                "first_page_uri": uri,
                "previous_page_uri": None,
                "next_page_uri": None,
            }
        )

    async def metadata(self, call: Call) -> Response:
        return JSONResponse(self.entity(self.find(call)))

    async def delete(self, call: Call) -> Response:
        media = self.find(call)
        del self.messages.world.media[media.sid]
        return Response(status_code=204)

    async def fetch(self, call: Call) -> Response:
        """307 to the file server, whose address dies after four hours."""
        media = self.find(call)
        media.tries += 1
        call.line = f"Fetches {media.name}"
        settings, now = self.messages.settings, self.messages.world.clock.now()
        location = (
            f"{settings.media_origin}/media/{settings.account_sid}/{media.object_key}"
            f"?Expires={now + LINK_SECONDS}&Signature=FAKE&Key-Pair-Id=FAKE"
        )
        return Response(status_code=307, headers={"Location": location})

    async def file(self, request: Request) -> Response:
        """The file server: credentials sent here would be given away, so it refuses them."""
        if "authorization" in request.headers:
            text = "Only one auth mechanism allowed: send no Authorization header here."
            return PlainTextResponse(text, 400)
        world = self.messages.world
        key = request.path_params["key"]
        media = next((each for each in world.media.values() if each.object_key == key), None)
        if media is None:
            return PlainTextResponse("Not found", 404)
        expires = request.query_params.get("Expires", "")
        if not expires.isdecimal() or int(expires) <= world.clock.now():
            return PlainTextResponse("This address has expired", 403)
        return Response(media.data, media_type=media.content_type)

    def find(self, call: Call) -> Media:
        self.messages.own(call)
        media = self.messages.world.media.get(call.path["media"])
        if media is None or media.message_sid != call.path["sid"]:
            raise Refused(not_found())
        call.about = media.message_sid
        return media

    def entity(self, media: Media) -> JsonObject:
        account = self.messages.settings.account_sid
        return {
            "account_sid": account,
            "content_type": media.content_type,
            "date_created": rfc2822(media.created_at),
            "date_updated": rfc2822(media.created_at),
            "parent_sid": media.message_sid,
            "sid": media.sid,
            "uri": media_path(account, media) + ".json",
        }
