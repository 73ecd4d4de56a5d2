"""What the mock server says to people, in the languages of `x-genauth-lang`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Messages:
    sent: str
    app_id_missing: str
    request_invalid: str
    no_such_resource: str
    too_many: str


MESSAGES = {
    "zh-CN": Messages(
        sent="已发送。",
        app_id_missing="缺少应用 ID。",
        request_invalid="请求无效 ({})。",
        no_such_resource="没有这个资源。",
        too_many="请求过于频繁。请稍后再试。",
    ),
    "en-US": Messages(
        sent="Sent.",
        app_id_missing="The application's id is missing.",
        request_invalid="The request is not valid ({}).",
        no_such_resource="There is no such resource.",
        too_many="Too many requests. Try again later.",
    ),
    "ja-JP": Messages(
        sent="送信しました。",
        app_id_missing="アプリケーション ID がありません。",
        request_invalid="リクエストが無効です ({})。",
        no_such_resource="リソースが見つかりません。",
        too_many="リクエストが多すぎます。しばらくしてからお試しください。",
    ),
    "zh-TW": Messages(
        sent="已傳送。",
        app_id_missing="缺少應用程式 ID。",
        request_invalid="請求無效 ({})。",
        no_such_resource="沒有這個資源。",
        too_many="請求過於頻繁。請稍後再試。",
    ),
}


def messages_in(lang: str | None) -> Messages:
    """The messages in `lang`, or in the server's default language."""
    return MESSAGES.get(lang or "", MESSAGES["zh-CN"])
