"""A web application whose users ask for a login email: `flask --app flask_app run`, or with gunicorn.

GenAuth limits emails by the end user's IP address, so each call passes it on. The application expects one proxy in
front of it, which adds that address to the `X-Forwarded-For` header.

The settings come from the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, optionally GENAUTH_LANG, and LOGIN_CHANNEL,
the channel of the login email.
"""

import math
import os
from functools import cache

from flask import Flask, request
from flask.typing import ResponseReturnValue
from genauth_email import AuthenticationClient, Channel, GenAuthError, InvalidArgumentError, ThrottleError
from werkzeug.middleware.proxy_fix import ProxyFix

LOGIN_CHANNEL = Channel(os.environ["LOGIN_CHANNEL"])

app = Flask(__name__)
# Leave this out if there is no proxy, because anybody could send the header.
app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1)  # type: ignore[method-assign]


@cache
def client() -> AuthenticationClient:
    """Return this process's client. All threads share it, so connections stay open between requests."""
    return AuthenticationClient()


@app.post("/login-email")
def send_login_email() -> ResponseReturnValue:
    genauth = client().with_options(real_ip=request.remote_addr)
    try:
        genauth.send_email(LOGIN_CHANNEL, request.get_json()["email"])
    except ThrottleError as error:
        seconds = math.ceil(error.retry_after or 60)
        return {"detail": "Look for the last email first."}, 429, {"Retry-After": str(seconds)}
    except InvalidArgumentError:
        return {"detail": "This email address is not accepted."}, 422
    except GenAuthError as error:
        app.logger.exception("The login email failed, delivery: %s", error.delivery)
        if error.delivery == "unknown":
            return {"detail": "Look for the email before you ask for another."}, 502
        return {"detail": "No email was sent. Try again later."}, 503
    return "", 202
