"""Owns: functions of time: every form that instants and dates come in.
Imports: core.instants, declare.
Never: reads a clock.
"""

from __future__ import annotations

from router.config.transforms.functions.declare import Function, function
from router.core import instants
from router.core.document import Json


@function(
    "text: text",
    "zone?: text",
    returns="text",
    example=("instant('2024-03-05T23:30:00', 'Europe/Berlin')", '"2024-03-05T22:30:00Z"'),
)
def instant(text: str, zone: str | None = None) -> Json:
    """Give a time as RFC 3339 in UTC, cut to microseconds.

    An offset in the text counts; without one the IANA zone is needed. A local time that the
    change of clocks skips is refused; one that comes twice is the first of the two.
    """
    return instants.to_text(instants.from_text(text, zone))


@function(
    "number: text|number",
    "unit: text",
    returns="text",
    example=("epoch(`1709677800`, 's')", '"2024-03-05T22:30:00Z"'),
)
def epoch(number: str | float, unit: str) -> Json:
    """Give seconds ('s') or milliseconds ('ms') since 1970 as RFC 3339 in UTC."""
    return instants.to_text(instants.from_epoch(number, unit))


@function(
    "text: text",
    returns="text",
    example=("odata_date('/Date(1709677800500)/')", '"2024-03-05T22:30:00.5Z"'),
)
def odata_date(text: str) -> Json:
    """Give an OData time, `/Date(milliseconds)/`, as RFC 3339 in UTC."""
    return instants.to_text(instants.from_odata(text))


@function(
    "text: text",
    returns="text",
    example=("mail_date('Tue, 05 Mar 2024 23:30:00 +0100')", '"2024-03-05T22:30:00Z"'),
)
def mail_date(text: str) -> Json:
    """Give a date of the mail format (RFC 5322, also HTTP's), as RFC 3339 in UTC."""
    return instants.to_text(instants.from_mail(text))


@function(
    "instant: text",
    "zone: text",
    returns="text",
    example=("business_date('2024-03-05T23:30:00Z', 'Europe/Berlin')", '"2024-03-06"'),
)
def business_date(instant: str, zone: str) -> Json:
    """Give the local date, YYYY-MM-DD, of an instant (with its offset) in an IANA zone."""
    return instants.date_in(instants.from_text(instant), zone).isoformat()


@function("text: text", returns="text", example=("edi_date('20240305')", '"2024-03-05"'))
def edi_date(text: str) -> Json:
    """Give a date written CCYYMMDD as YYYY-MM-DD."""
    return instants.from_edi(text).isoformat()


@function("date: text", returns="text", example=("period_of('2024-03-05')", '"2024-03"'))
def period_of(date: str) -> Json:
    """Give the month, YYYY-MM, of a date YYYY-MM-DD."""
    return instants.to_date(date).isoformat()[:7]


FUNCTIONS: tuple[Function, ...] = (
    instant,
    epoch,
    odata_date,
    mail_date,
    business_date,
    edi_date,
    period_of,
)
