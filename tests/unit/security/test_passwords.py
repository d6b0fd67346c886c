from __future__ import annotations

import pytest

from armillary.model.fault import ProjectFault
from armillary.security.passwords import check_password, is_common


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!",
        "passwordpassword",
        "P4ssw0rd-2025",
        "123456789012",
        "qwertyuiopas",
        "qwertzuiop12",
        "aaaaaaaaaaaa",
        "letmeinletmein",
        "administrator",
        "Welcome-Admin-1",
        "anna_larsen_2026",
        "abcdefghijkl",
        "correcthorsebatterystaple",
        "armillary2026",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(ProjectFault, match=r"guessed first.*12 characters"):
        check_password(password, "anna_larsen", "station")


@pytest.mark.parametrize(
    "password", ["kettle bridge onion ferry", "Xv9#mQ2!tLpa", "blåbær og vaffel", "grauwackesteinbruch"]
)
def test_an_unusual_password_of_twelve_characters_is_taken(password: str) -> None:
    check_password(password, "anna")


def test_a_short_password_is_refused_and_never_repeated() -> None:
    with pytest.raises(ProjectFault, match="fewer than 12") as caught:
        check_password("Xv9#mQ2!tLp", "anna")
    assert "Xv9" not in str(caught.value)


def test_own_names_do_not_make_a_password() -> None:
    assert is_common("ravi-pumpwerk", "ravi", "pumpwerk")
    assert not is_common("ravi-pumpwerk", "anna")
