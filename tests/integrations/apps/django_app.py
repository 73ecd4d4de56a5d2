"""Django: the client is made on import, and an async view works under WSGI and ASGI alike."""

import json
import math

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path
from genauth_email import AsyncAuthenticationClient, ThrottleError

from tests.contract.facts import CHANNEL

settings.configure(ROOT_URLCONF=__name__)
app = get_wsgi_application()
asgi_app = get_asgi_application()
client = AsyncAuthenticationClient()


async def send_login_email(request: HttpRequest) -> JsonResponse:
    try:
        response = await client.send_email(CHANNEL, json.loads(request.body)["email"])
    except ThrottleError as error:
        retry_after = str(math.ceil(error.retry_after or 60))
        return JsonResponse({"detail": "Too many emails."}, status=429, headers={"Retry-After": retry_after})
    return JsonResponse(response.to_dict())


urlpatterns = [path("login-email", send_login_email)]
