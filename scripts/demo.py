"""Send an email through each of the two clients to the embedded GenAuth, and show what goes over the wire."""

import asyncio
import json

from genauth_email import AsyncAuthenticationClient, AuthenticationClient, SendEmailRespDto, ThrottleError

from tests.genauth_server import Contract, GenAuth, serve


def main() -> None:
    with serve() as server, server.genauth(Contract()) as genauth:
        print(f"\nAn embedded GenAuth listens at {genauth.url}.")

        print("\nAuthenticationClient: a login email to alice@example.com")
        with AuthenticationClient(app_id="demo-app", app_host=genauth.url, lang="en-US") as client:
            show(genauth, client.send_email("CHANNEL_LOGIN", "alice@example.com"))

        print("\nAsyncAuthenticationClient: a login email to bob@example.com")
        show(genauth, asyncio.run(send_async(genauth.url, "bob@example.com")))

        print("\nOnce more to alice@example.com, within the minute")
        with AuthenticationClient(app_id="demo-app", app_host=genauth.url, lang="en-US") as client:
            try:
                client.send_email("CHANNEL_LOGIN", "alice@example.com")
            except ThrottleError as error:
                show(genauth, error)
            else:
                raise SystemExit("The one-minute rule did not hold.")
    print("\nThe embedded GenAuth has stopped. `make test` runs every test; `make help` lists the rest.")


async def send_async(app_host: str, email: str) -> SendEmailRespDto:
    async with AsyncAuthenticationClient(app_id="demo-app", app_host=app_host, lang="en-US") as client:
        return await client.send_email("CHANNEL_LOGIN", email)


def show(genauth: GenAuth, outcome: SendEmailRespDto | ThrottleError) -> None:
    """Print the request that the server got last, its answer, and what the caller got."""
    request = genauth.received[-1]
    answer = json.loads(outcome.content) if isinstance(outcome, ThrottleError) else outcome.to_dict()
    print(f"  > {request.method} {request.path}  (app id {request.headers['x-genauth-app-id']})")
    print(f"  > {json.dumps(request.json)}")
    print(f"  < {json.dumps(answer)}")
    if isinstance(outcome, ThrottleError):
        print(f"  raised as ThrottleError: {outcome}")
    else:
        print(f"  returned as {outcome!r}")


if __name__ == "__main__":
    main()
