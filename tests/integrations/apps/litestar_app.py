"""Litestar: the lifespan makes one client."""

import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from genauth_email import AsyncAuthenticationClient, SendEmailRespDto, ThrottleError
from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.params import JSONBody

from tests.contract.facts import CHANNEL


@asynccontextmanager
async def lifespan(app: Litestar) -> AsyncGenerator[None]:
    async with AsyncAuthenticationClient() as app.state.genauth:
        yield


@post("/login-email", status_code=200)
async def send_login_email(data: JSONBody[dict[str, str]], state: State) -> dict[str, Any]:
    response: SendEmailRespDto = await state.genauth.send_email(CHANNEL, data["email"])
    return response.to_dict()


def too_many_emails(_: Request[Any, Any, State], error: ThrottleError) -> Response[dict[str, str]]:
    retry_after = str(math.ceil(error.retry_after or 60))
    return Response({"detail": "Too many emails."}, status_code=429, headers={"Retry-After": retry_after})


app = Litestar(
    [send_login_email],
    lifespan=[lifespan],
    exception_handlers={ThrottleError: too_many_emails},
    logging_config=None,  # The default would change the logging of later tests.
)
