"""Contains all the data models used in inputs/outputs"""

from .api_code import ApiCode
from .channel import Channel
from .lang import Lang
from .send_email_dto import SendEmailDto
from .send_email_resp_dto import SendEmailRespDto
from .status_code import StatusCode

__all__ = ("ApiCode", "Channel", "Lang", "SendEmailDto", "SendEmailRespDto", "StatusCode")
