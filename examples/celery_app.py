"""A Celery task that sends an email: `celery --app celery_app worker`.

Its failures reach the caller as they are: `send_email.delay(...).get()` raises a `ThrottleError`, say. They
travel as pickles, which run code where they are read: only the workers may write to the result backend.

The settings are in the environment: GENAUTH_APP_ID, GENAUTH_APP_HOST, GENAUTH_LANG if wanted, and those of
Celery, CELERY_BROKER_URL and CELERY_RESULT_BACKEND.
"""

# Celery has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUntypedFunctionDecorator=false

from functools import cache

from celery import Celery, Task
from genauth_email import APIConnectionError, AuthenticationClient, Channel, ServiceUnavailableError

app = Celery("emails")
app.conf.update(
    result_serializer="pickle",
    result_accept_content=["pickle"],
    # A task that was cut off may have sent its email: no other worker is to begin it again.
    task_acks_late=False,
)


@cache
def client() -> AuthenticationClient:
    """The client of this process. It is made at the first task, because connections do not outlive a fork."""
    return AuthenticationClient()


@app.task(bind=True, max_retries=3, default_retry_delay=30)
def send_email(self: Task, channel: str, email: str, real_ip: str | None = None) -> None:
    try:
        client().send_email(Channel(channel), email, real_ip=real_ip)
    except (APIConnectionError, ServiceUnavailableError) as error:
        # It may work later. But where the email may have gone out, another try could send a second one.
        if error.delivery == "not_sent":
            raise self.retry(exc=error) from error
        raise
