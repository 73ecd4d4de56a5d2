"""Flask: the client is made on import, which is before the fork with `gunicorn --preload`."""

import atexit

from flask import Flask, request
from flask.typing import ResponseReturnValue
from genauth_email import AuthenticationClient

from tests.contract.facts import CHANNEL

app = Flask(__name__)
client = AuthenticationClient()
atexit.register(client.close)


@app.post("/login-email")
def send_login_email() -> ResponseReturnValue:
    return client.send_email(CHANNEL, request.get_json()["email"]).to_dict()
