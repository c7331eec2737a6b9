"""The smallest FastAPI process: what the backend's memory is measured beside."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.post("/webhook/twilio")
@app.post("/webhook/twilio/status")
@app.get("/health")
async def constant() -> dict[str, str]:
    return {"status": "ok"}
