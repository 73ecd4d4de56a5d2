"""A program for each supported part of OpenAPI, by the rows of the first table of `docs/supported-openapi.md`.

Each program runs with both clients of the package that `supported.yaml` gives. `call` calls a method or a function and
lets the server respond with a success or with `response`, `get` reads a user with some fields, and `last`, `sent` and
`query` return the last request or its parts.
"""

IMPORTS = """\
import asyncio
import inspect
import warnings
from datetime import date, datetime, timezone
from uuid import UUID

import pytest
"""

SUPPORTED: dict[str, str] = {
    "a failure that lacks what a success requires": """
no_user = {"statusCode": 400, "message": "No user.", "apiCode": 2004, "requestId": "r-1", "data": None}
with pytest.raises(InvalidArgumentError) as caught:
    call(client.get_user, "u-1", response=no_user)
assert (caught.value.api_code, caught.value.request_id, caught.value.message) == (2004, "r-1", "No user.")
failure = call(of(get_user, "_detailed"), "u-1", client=client, response=no_user).parsed
assert failure == Failure(400, "No user.", 2004, "r-1"), failure
with pytest.raises(InvalidResponseError, match="'data' is missing"):
    call(client.get_user, "u-1")
response = {"statusCode": 500, "message": "", "apiCode": None, "data": None}
assert call(of(delete_user, "_detailed"), "u-1", client=client, response=response).parsed == UsersRespDto(500, "")
""",
    "`string`, `integer`, `number`, `boolean`": """
values = {"name": "é", "age": 7, "ratio": 1.5, "active": True}
user = get(values)
assert (user.name, user.age, user.ratio, user.active) == ("é", 7, 1.5, True)
call(client.replace_user, "u-1", "é", age=7, ratio=2, active=True)
assert sent() == values | {"ratio": 2}
call(client.list_users, page=2, ratio=1.5, active=False)
assert query() == [("page", "2"), ("ratio", "1.5"), ("active", "false")]
for wrong in ({"name": 7}, {"age": True}, {"age": 1.5}, {"age": "1"}, {"active": 1}, {"ratio": "1"}, {"ratio": True}):
    message = is_refused(TypeError, client.replace_user, "u-1", **{"name": "x"} | wrong)
    assert message.startswith(f"{next(iter(wrong))} must be "), message
for wrong in ({"page": True}, {"page": "1"}, {"ratio": None}, {"active": 0}, {"x_trace": 7}):
    is_refused(TypeError, client.list_users, **wrong)
    is_refused(TypeError, of(list_users), client=client, **wrong)
is_refused(TypeError, client.get_user, 7)
for wrong in ({"name": "x"}, User(7), User("x", age=True), User("x", ratio="1")):
    is_refused(TypeError, of(replace_user), "u-1", client=client, body=wrong)
is_refused(TypeError, of(replace_user, "_detailed"), "u-1", client=client, body=User(7))
""",
    "`string` with `format: date`, `date-time` or `uuid`": """
text = {"born": "2030-01-02", "seen": "2030-01-02T03:04:05+00:00", "key": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
values = {
    "born": date(2030, 1, 2), "seen": datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "key": UUID(text["key"])
}
user = get(text)
assert {name: getattr(user, name) for name in text} == values
call(client.replace_user, "u-1", "x", **values)
assert sent() == {"name": "x"} | text
call(client.list_users, **values)
assert sorted(query()) == sorted(text.items())
for wrong in ({"born": values["seen"]}, {"seen": values["born"]}, {"seen": datetime(2030, 1, 2)}, {"key": None}):
    for method, *required in ((client.replace_user, "u-1", "x"), (client.list_users,)):
        is_refused(TypeError, method, *required, **wrong)
    is_refused(TypeError, of(replace_user), "u-1", client=client, body=User("x", **wrong))
for name in text:
    is_refused(TypeError, client.list_users, **{name: text[name]})
""",
    "a date, a time or a UUID in a response that Python cannot read": """
for name, value in (("born", "2030-02-30"), ("born", ""), ("seen", "2030-06-30T23:59:60Z"), ("key", "k-1")):
    assert getattr(get({name: value}), name) == value
assert get({"seen": "2030-01-02t03:04:05z"}).seen == datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
is_midnight = (datetime(2030, 1, 3, tzinfo=timezone.utc), "2030-01-02T24:00:00Z").__contains__
assert is_midnight(get({"seen": "2030-01-02T24:00:00Z"}).seen), "Python reads it from 3.13 on"
with server.expect_issue("'2030-02-30' is not a 'date'"):
    call(client.replace_user, "u-1", "x", born="2030-02-30")
assert sent() == {"name": "x", "born": "2030-02-30"}
""",
    "`enum` of strings or of integers": """
assert (Color.DARK_BLUE.value, Level.VALUE_16.value, Level.VALUE_NEGATIVE_1.value) == ("dark-blue", 16, -1)
user = get({"color": "dark-blue", "level": -1, "kind": "new"})
assert user.color is Color.DARK_BLUE and user.level is Level.VALUE_NEGATIVE_1 and user.kind is UserKind.NEW
call(client.list_users, color="dark-blue", level=Level.VALUE_16)
assert query() == [("color", "dark-blue"), ("level", "16")]
call(of(list_users), client=client, color="red")
assert query() == [("color", "red")]
for wrong in ({"color": 1}, {"color": None}, {"level": True}, {"level": "1"}):
    is_refused(TypeError, client.list_users, **wrong)
is_refused(ValueError, client.list_users, color="blue")
is_refused(ValueError, client.list_users, level=2)
""",
    "`x-enum-varnames`": """
assert (Symbol.E_ACUTE.value, Symbol.PLUS.value) == ("é", "+")
call(client.replace_user, "u-1", "x", symbol=Symbol.E_ACUTE)
assert sent() == {"name": "x", "symbol": "é"}
assert get({"symbol": "+"}).symbol is Symbol.PLUS
""",
    "an unknown value of an enum in a response": """
unknown = {
    "color": "green", "level": 99, "kind": "odd", "colors": ["red", "green"], "places": {"here": "green"},
    "addresses": {"home": {"city": "Rome", "color": "green"}}, "home": {"city": "Oslo", "color": "green"},
}
user = get(unknown)
assert (user.color, user.level, user.kind) == ("green", 99, "odd")
assert user.colors == [Color.RED, "green"] and user.colors[0] is Color.RED
assert user.addresses["home"].color == user.home.color == "green"
assert user.to_dict() == {"name": "Ada"} | unknown
response = {"statusCode": 777, "message": "", "apiCode": 7}
parsed = call(of(delete_user, "_detailed"), "u-1", client=client, response=response).parsed
assert (parsed.status_code, parsed.api_code) == (777, 7)
""",
    "an object as a field, also in itself": """
address = Address("Rome", color=Color.RED)
call(client.replace_user, "u-1", "x", home=address, friends=[User("y", id="u-2")])
assert sent() == {"name": "x", "home": {"city": "Rome", "color": "red"}, "friends": [{"name": "y"}]}
user = get({"home": {"city": "Rome"}, "friends": [USER], "quota": {"left": 7}})
assert user.home == Address("Rome") and user.friends[0].id == "u-1" and user.quota == UserQuota(7)
is_refused(TypeError, client.replace_user, "u-1", "x", home={"city": "Rome"})
for wrong, message in (
    ({"home": Address(7)}, "home.city must be a string, not int"),
    ({"friends": [User("y"), User("y", age="7")]}, "friends[1].age must be an integer, not str"),
    ({"addresses": {"home": Address(7)}}, "addresses[...].city must be a string, not int"),
):
    assert is_refused(TypeError, client.replace_user, "u-1", "x", **wrong) == message
    assert is_refused(TypeError, of(replace_user), "u-1", client=client, body=User("x", **wrong)) == message
assert "Rome" not in repr(User("x", home=address)), "it is masked, as all that a request has"
""",
    "`array`": """
user = get({"colors": ["red"], "friends": []})
assert user.colors == [Color.RED] and user.friends == []
call(client.replace_user, "u-1", "x", colors=[Color.RED, Color.DARK_BLUE])
assert sent()["colors"] == ["red", "dark-blue"]
assert "ids[1]" in is_refused(TypeError, client.list_users, ids=[1, "2"])
""",
    "`additionalProperties` without `properties`: a map": """
raw = {
    "addresses": {"home": {"city": "Rome"}}, "days": {"a": "2030-01-02"}, "places": {"b": "red"},
    "words": {"c": ["d"]}, "counts": {"e": 1}, "free": {"f": [None]},
}
user = get(raw)
assert user.addresses == {"home": Address("Rome")} and user.days == {"a": date(2030, 1, 2)}
assert user.places == {"b": Color.RED} and user.words == {"c": ["d"]} and user.free == {"f": [None]}
call(
    client.replace_user, "u-1", "Ada", addresses=user.addresses, days=user.days, places=user.places,
    words=user.words, counts=user.counts, free=user.free,
)
assert sent() == {"name": "Ada"} | raw
for wrong in ({"addresses": {"home": {}}}, {"days": {"a": 2030}}, {"words": {"c": "d"}}, {"free": []}):
    is_refused(TypeError, client.replace_user, "u-1", "x", **wrong)
""",
    "`additionalProperties` beside `properties`": """
response = OK | {"scores": {"best": 7, "first": "2030-01-02"}, "more": 1}
parsed = call(client.delete_user, "u-1", response=response)
assert parsed.scores.additional_properties == {"first": date(2030, 1, 2)}
assert parsed.scores.to_dict() == {"best": 7, "first": "2030-01-02"}
assert parsed.additional_properties == {"more": 1}
""",
    "a type with `null`": """
assert get({"note": None, "home": None}).note is None
call(client.replace_user, "u-1", "x", note=None, home=None)
assert sent() == {"name": "x", "note": None, "home": None}
is_refused(TypeError, client.replace_user, "u-1", "x", note=7)
""",
    "`anyOf` or `oneOf` of types that differ": """
noon = datetime(2030, 1, 2, 12, tzinfo=timezone.utc)
for value, expected in (("a", "a"), (7, 7), ("2030-01-02T12:00:00+00:00", noon)):
    assert get({"either": value}).either == expected
    call(client.replace_user, "u-1", "x", either=expected)
    assert sent()["either"] == value
is_refused(TypeError, client.replace_user, "u-1", "x", either=True)
""",
    "a schema without a type, or `true`": """
assert get({"whatever": {"a": [1]}}).whatever == {"a": [1]}
for value in (None, 1, "a", [{"b": 1}]):
    assert get({"anything": value}).anything == value
    call(client.replace_user, "u-1", "x", anything=value)
    assert sent()["anything"] == value
""",
    "`allOf` of objects": """
special = call(client.delete_user, "u-1", response=OK | {"special": {"city": "Rome", "rank": 1}}).special
assert special == Special(city="Rome", rank=1)
""",
    "an optional field or parameter": """
call(client.replace_user, "u-1", "x")
assert sent() == {"name": "x"}
call(client.list_users)
assert query() == [] and "x-trace" not in last().headers
for wrong in ({"page": None}, {"color": None}, {"ids": None}, {"x_trace": None}):
    is_refused(TypeError, client.list_users, **wrong)
""",
    "`default`": """
call(client.list_users)
assert query() == []
call(client.note_user, "u-1", "x")
assert sent() == {"text": "x"}
assert NoteDto("x").to_dict() == {"text": "x"}
required = SendSmsDto(phone_number="13800000000", channel=SmsChannel.SMS_LOGIN)
assert required.to_dict() == {"channel": "SMS_LOGIN", "phoneNumber": "13800000000"}
for function in (client.list_users, of(list_users)):
    assert repr(inspect.signature(function).parameters["page"].default) == "UNSET"
    assert "page: Which page. Default: the server's, 1." in function.__doc__
""",
    "`description` of a parameter or a field": """
assert "user_id: The id of a user." in AuthenticationClient.get_user.__doc__
assert "user_id: The id of a user." in get_user.sync.__doc__
assert "color: Which color." in AuthenticationClient.list_users.__doc__
assert "size: Deprecated. How large." in AuthenticationClient.note_user.__doc__
""",
    "`readOnly`": """
assert "id" not in inspect.signature(client.replace_user).parameters
assert get({}).id == "u-1"
call(of(replace_user), "u-1", client=client, body=User("x", id="u-1"))
assert sent() == {"name": "x"}
""",
    "`deprecated`": """
def warnings_of(function, *args, **kwargs):
    with warnings.catch_warnings(record=True, action="always") as caught:
        call(function, *args, **kwargs)
    caught = [each for each in caught if each.filename == HERE]
    assert all(each.category is DeprecationWarning for each in caught)
    return [str(each.message) for each in caught]

assert warnings_of(client.list_old) == ["list_old is deprecated"]
assert warnings_of(of(list_old), client=client) == ["list_old is deprecated"]
told = warnings_of(of(list_old, "_detailed"), client=client, page=1, size=1)
assert told == ["list_old is deprecated", "page is deprecated", "size is deprecated"]
assert warnings_of(client.note_user, "u-1", "x") == []
assert warnings_of(client.note_user, "u-1", "x", size="S") == ["size is deprecated"]
assert warnings_of(client.note_user, "u-1", "x", size="L") == ["size is deprecated", "the size 'L' is deprecated"]
assert warnings_of(of(note_user), "u-1", client=client, body=NoteDto("x", size=Size.S)) == ["size is deprecated"]
assert client.list_old.__deprecated__ == "list_old is deprecated"
assert asyncio.iscoroutinefunction(client.list_old) is not is_sync
assert "page: Deprecated. Which." in list_old.sync.__doc__
""",
    "a parameter `in: path`, `query` or `header`": """
call(client.list_users, ids=[1, 2], page=3, x_trace="t")
assert query() == [("ids", "1"), ("ids", "2"), ("page", "3")] and last().headers["x-trace"] == "t"
call(client.delete_user, "a/b c")
assert last().path == "/api/v3/users/a%2Fb%20c"
""",
    "a request without a body": """
for method, *arguments in ((client.list_users,), (client.delete_user, "u-1")):
    call(method, *arguments)
    assert last().body == b"" and "content-type" not in last().headers and "content-length" not in last().headers
""",
    "a request body in JSON": """
call(client.replace_user, "u-1", "é")
assert last().method == "PUT" and last().body == '{"name":"é"}'.encode()
assert last().headers["content-type"] == "application/json"
call(of(note_user), "u-1", client=client)
assert last().method == "PATCH" and last().body == b"" and last().headers["content-length"] == "0"
call(of(note_user), "u-1", client=client, body=NoteDto("x"))
assert sent() == {"text": "x"}
""",
}
