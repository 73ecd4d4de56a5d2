"""Send an email through each of the two clients to the mock server, and show what goes over the wire."""

import asyncio
import json

from genauth_email import AsyncAuthenticationClient, AuthenticationClient, Channel, SendEmailRespDto, ThrottleError
from genauth_email.testing import MockServer, mock_genauth

# The first one, but a deprecated one only if all are.
CHANNEL = min(Channel, key=lambda channel: channel in getattr(Channel, "__deprecated_values__", ()))


def main() -> None:
    with mock_genauth() as mock_server:
        print(f"\nA mock server listens at {mock_server.url}.")

        print(f"\nAuthenticationClient: an email of {CHANNEL} to alice@example.com")
        with AuthenticationClient(app_id="demo-app", app_host=mock_server.url, lang="en-US") as client:
            show(mock_server, client.send_email(CHANNEL, "alice@example.com"))

            print("\nA second email to alice@example.com, within the minute")
            try:
                client.send_email(CHANNEL, "alice@example.com")
            except ThrottleError as error:
                show(mock_server, error)
            else:
                raise SystemExit("The mock server sent a second email within the minute.")

        print(f"\nAsyncAuthenticationClient: an email of {CHANNEL} to bob@example.com")
        show(mock_server, asyncio.run(send_async(mock_server.url, "bob@example.com")))
    print("\nThe mock server has stopped. `make test` runs the tests; `make help` lists the other targets.")


async def send_async(app_host: str, email: str) -> SendEmailRespDto:
    async with AsyncAuthenticationClient(app_id="demo-app", app_host=app_host, lang="en-US") as client:
        return await client.send_email(CHANNEL, email)


def show(mock_server: MockServer, outcome: SendEmailRespDto | ThrottleError) -> None:
    """Print the last request, its response, and the caller's result."""
    request = mock_server.received[-1]
    print(f"  > {request.method} {request.path}  (app id {request.headers['x-genauth-app-id']})")
    print(f"  > {json.dumps(request.json)}")
    if isinstance(outcome, ThrottleError):
        print(f"  < {outcome.content.decode()}\n  raised as ThrottleError: {outcome}")
    else:
        print(f"  < {json.dumps(outcome.to_dict())}\n  returned as {outcome!r}")
