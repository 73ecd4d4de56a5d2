"""Django: the clients are made on import, and an async view works under WSGI and ASGI alike."""

import atexit
import json
import math

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from genauth_email import AsyncAuthenticationClient, AuthenticationClient, ThrottleError

from tests.contract.facts import CHANNEL

settings.configure(ROOT_URLCONF=__name__)
app = get_wsgi_application()
asgi_app = get_asgi_application()
client = AuthenticationClient()
atexit.register(client.close)
async_client = AsyncAuthenticationClient()


def send_login_email(request: HttpRequest) -> JsonResponse:
    try:
        response = client.send_email(CHANNEL, json.loads(request.body)["email"])
    except ThrottleError as error:
        return too_many_emails(error)
    return JsonResponse(response.to_dict())


async def send_login_email_async(request: HttpRequest) -> JsonResponse:
    try:
        response = await async_client.send_email(CHANNEL, json.loads(request.body)["email"])
    except ThrottleError as error:
        return too_many_emails(error)
    return JsonResponse(response.to_dict())


def too_many_emails(error: ThrottleError) -> JsonResponse:
    retry_after = str(math.ceil(error.retry_after or 60))
    return JsonResponse({"detail": "Too many emails."}, status=429, headers={"Retry-After": retry_after})


urlpatterns = [path("login-email", send_login_email), path("async/login-email", send_login_email_async)]
