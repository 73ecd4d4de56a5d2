"""FastAPI: the lifespan makes one client."""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse
from genauth_email import AsyncAuthenticationClient, SendEmailRespDto, ThrottleError

from tests.contract.facts import CHANNEL


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with AsyncAuthenticationClient() as app.state.genauth:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/login-email")
async def send_login_email(email: Annotated[str, Body(embed=True)], request: Request) -> dict[str, Any]:
    response: SendEmailRespDto = await request.app.state.genauth.send_email(CHANNEL, email)
    return response.to_dict()


@app.exception_handler(ThrottleError)
async def too_many_emails(_: Request, error: ThrottleError) -> JSONResponse:
    retry_after = str(math.ceil(error.retry_after or 60))
    return JSONResponse({"detail": "Too many emails."}, 429, {"Retry-After": retry_after})
