"""A Celery task that sends an email: `celery --app celery_app worker`.

The caller of the task gets our errors: `send_email.delay(...).get()` raises `ThrottleError`, for example.

The settings come from the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, optionally GENAUTH_LANG, and Celery's
CELERY_BROKER_URL and CELERY_RESULT_BACKEND.
"""

# Celery has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUntypedFunctionDecorator=false

from functools import cache

from celery import Celery, Task
from genauth_email import AuthenticationClient, Channel, GenAuthError

app = Celery("emails")
# A worker that died may already have sent the email, so no other worker may restart its task.
app.conf.task_acks_late = False


@cache
def client() -> AuthenticationClient:
    """Return this process's client. The first task creates it, so importing this module needs no settings."""
    return AuthenticationClient()


@app.task(bind=True, max_retries=3, default_retry_delay=30)
def send_email(self: Task, channel: str, email: str, real_ip: str | None = None) -> None:
    try:
        client().send_email(Channel(channel), email, real_ip=real_ip)
    except GenAuthError as error:
        # Any other error may mean that the email was sent or that a retry would fail again.
        if error.retryable:
            raise self.retry(exc=error, countdown=error.retry_after) from error
        raise
