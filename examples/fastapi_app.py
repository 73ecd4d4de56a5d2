"""A web application whose users ask for a login email: `uvicorn fastapi_app:app`.

GenAuth limits emails by the end user's IP address, so each call passes it on. Behind a proxy, uvicorn reads it from the
`X-Forwarded-For` header: `--proxy-headers --forwarded-allow-ips ADDRESS_OF_THE_PROXY`.

The settings come from the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, optionally GENAUTH_LANG, and LOGIN_CHANNEL,
the channel of the login email.
"""

import logging
import math
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, TypedDict

from fastapi import Depends, FastAPI, HTTPException, Request
from genauth_email import AsyncAuthenticationClient, Channel, GenAuthError, InvalidArgumentError, ThrottleError
from pydantic import BaseModel

logger = logging.getLogger(__name__)

LOGIN_CHANNEL = Channel(os.environ["LOGIN_CHANNEL"])


class State(TypedDict):
    genauth: AsyncAuthenticationClient


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[State]:
    # One client for the whole application, so connections stay open between requests.
    async with AsyncAuthenticationClient() as client:
        yield {"genauth": client}


app = FastAPI(lifespan=lifespan)


def client_for_the_user(request: Request) -> AsyncAuthenticationClient:
    client: AsyncAuthenticationClient = request.state.genauth
    return client.with_options(real_ip=request.client.host if request.client else None)


class Login(BaseModel):
    email: str


@app.post("/login-email", status_code=202)
async def send_login_email(
    login: Login, genauth: Annotated[AsyncAuthenticationClient, Depends(client_for_the_user)]
) -> None:
    try:
        await genauth.send_email(LOGIN_CHANNEL, login.email)
    except ThrottleError as error:
        seconds = math.ceil(error.retry_after or 60)
        raise HTTPException(429, "Look for the last email first.", {"Retry-After": str(seconds)}) from error
    except InvalidArgumentError as error:
        raise HTTPException(422, "This email address is not accepted.") from error
    except GenAuthError as error:
        logger.exception("The login email failed, delivery: %s", error.delivery)
        if error.delivery == "unknown":
            raise HTTPException(502, "Look for the email before you ask for another.") from error
        raise HTTPException(503, "No email was sent. Try again later.") from error
