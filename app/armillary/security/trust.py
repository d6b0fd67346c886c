"""Whom links may speak to: our own certificate and the trust lists of this user, folders as in OPC 10000-12.

    <config>/pki/own/       who we are: `armillary-1.pem` (key and certificate), `armillary.der` for servers
                 trusted/   certificates of servers, and of authorities, that an admin accepted
                 issuers/   authorities that only help to build a chain
                 crl/       revocation lists
                 rejected/  what servers showed and nobody accepted; the newest 50
                 endpoints.json   by address: how it was secured, what was accepted, proposed, rejected

These are this machine's, never a project's: a project from elsewhere must not bring its own trust.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from armillary.model import files, places
from armillary.model.clock import Clock, iso, parse_iso
from armillary.model.fault import LinkRefused, ProjectFault
from armillary.model.trust import (
    NS,
    RENEW_DAYS,
    CertificateFacts,
    Identity,
    TrustAct,
    TrustAsked,
)
from armillary.security import certificates
from armillary.security.certificates import Wrong
from armillary.security.secrets import host_of

SCHEMA = 1
KEPT = 50  # certificates in rejected/
ENDPOINTS = "endpoints.json"
LISTS = ("trusted", "rejected", "issuers")
_OWN = re.compile(r"armillary-(\d+)\.pem")
_SUFFIXES = (".der", ".pem", ".crt", ".cer", ".crl")
_DAY_NS = 86_400 * NS
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One certificate of the lists."""

    facts: CertificateFacts
    list: str  # own | trusted | issuers | rejected
    file: Path


class TrustStore:
    """The lists of this user. Read anew at every question, so that a change made beside is seen at once."""

    def __init__(self, clock: Clock, folder: Path | None = None) -> None:
        """Take for tests where the lists are."""
        self.folder = folder or places.config() / "pki"
        self._clock = clock

    def of(self, url: str) -> LinkTrust:
        """Return what one link needs, by its url."""
        return LinkTrust(self, url, self._clock)

    # ---------------------------------------------------------------- our own

    def identities(self) -> tuple[Identity, ...]:
        """Return who we are, newest first; made at the first call. Raises ProjectFault.

        More than one after `renew`: servers that do not know the newest yet are shown the one before.
        """
        found = self._valid()
        if not found:
            self.renew()
            found = self._valid()
        return tuple(identity for _, identity in found)

    def renew(self) -> Identity:
        """Make a certificate of our own; those before go on to be used where it is refused."""
        folder = self._made("own")
        number = max((n for n, _ in self._numbered(folder)), default=0) + 1
        node = platform.node() or "localhost"
        uri = f"urn:{node}:armillary"
        now = self._clock.now_ns()
        certificate, key = certificates.made(uri, f"Armillary on {node}"[:64], (node,), now)
        self._write_new(folder / f"armillary-{number}.pem", key + certificate)
        newest = self._valid()[0][1]
        self._write(folder / "armillary.der", newest.certificate, 0o644)
        return newest

    def _valid(self) -> list[tuple[int, Identity]]:
        folder = self.folder / "own"
        now = self._clock.now_ns()
        found = [(n, _identity(path)) for n, path in sorted(self._numbered(folder), reverse=True)]
        return [(n, one) for n, one in found if one.until_ns > now]

    @staticmethod
    def _numbered(folder: Path) -> list[tuple[int, Path]]:
        if not folder.is_dir():
            return []
        matches = ((_OWN.fullmatch(path.name), path) for path in folder.iterdir())
        return [(int(match[1]), path) for match, path in matches if match]

    # ---------------------------------------------------------------- the lists

    def listed(self) -> tuple[Listed, ...]:
        """Return all certificates, by list and name."""
        out = [
            Listed(facts=certificates.facts(_certificate(path.read_bytes())), list="own", file=path)
            for _, path in sorted(self._numbered(self.folder / "own"), reverse=True)
        ]
        for name in LISTS:
            found = self._read(name, certificates.read_file)
            rows = [Listed(facts=certificates.facts(one), list=name, file=path) for path, one in found]
            out += sorted(rows, key=lambda row: row.facts.subject)
        return tuple(out)

    def certificates_of(self, name: str) -> list[x509.Certificate]:
        """Return the certificates of one list."""
        return [one for _, one in self._read(name, certificates.read_file)]

    def revocations(self) -> list[x509.CertificateRevocationList]:
        """Return the revocation lists."""
        return [one for _, one in self._read("crl", certificates.read_list)]

    def reject(self, certificate: x509.Certificate) -> None:
        """Keep a certificate that nobody trusts, so that a person can look at it."""
        folder = self._made("rejected")
        path = folder / _name_of(certificate)
        if path.exists():
            return
        self._write(path, certificate.public_bytes(serialization.Encoding.DER), 0o644)
        oldest_first = sorted(folder.glob("*.der"), key=lambda file: file.stat().st_mtime_ns)
        for file in oldest_first[:-KEPT]:
            file.unlink(missing_ok=True)

    def move(self, fingerprint: str, to: str) -> CertificateFacts:
        """Put a certificate that is kept here into another list. Raises ProjectFault when it is not here."""
        wanted = fingerprint.replace(":", "").upper()
        for name in ("rejected", "trusted"):
            for path, one in self._read(name, certificates.read_file):
                if not certificates.fingerprint(one).replace(":", "").startswith(wanted) or not wanted:
                    continue
                if name != to:
                    der = one.public_bytes(serialization.Encoding.DER)
                    self._write(self._made(to) / _name_of(one), der, 0o644)
                    path.unlink(missing_ok=True)
                return certificates.facts(one)
        raise ProjectFault(
            "This certificate is not kept here.",
            where=str(self.folder),
            remedy="See: armillary trust list. A link must have met it first.",
        )

    def _read(self, name: str, read: Callable[[bytes], _T]) -> list[tuple[Path, _T]]:
        """Return the files of a list; what is none of its kind is passed over."""
        folder, out = self.folder / name, []
        if not folder.is_dir():
            return []
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in _SUFFIXES and not path.name.startswith("."):
                with contextlib.suppress(ValueError, OSError):
                    out.append((path, read(path.read_bytes())))
        return out

    # ---------------------------------------------------------------- addresses

    def endpoint(self, url: str) -> dict[str, str]:
        """Return what is known of an address."""
        return dict(self._endpoints().get(url, {}))

    def endpoints(self) -> Mapping[str, Mapping[str, str]]:
        """Return what is known of all addresses."""
        return self._endpoints()

    def note(self, url: str, **facts: str) -> None:
        """Keep something of an address; "" takes it away."""
        held = self._endpoints()
        before = held.get(url, {})
        after = {key: value for key, value in {**before, **facts}.items() if value}
        if after == before:
            return
        held[url] = after
        document = {"schema": SCHEMA, "endpoints": {key: held[key] for key in sorted(held)}}
        self._made("")
        self._write(self.folder / ENDPOINTS, (json.dumps(document, indent=1) + "\n").encode(), 0o600)

    def _endpoints(self) -> dict[str, dict[str, str]]:
        path = self.folder / ENDPOINTS
        try:
            root: Any = json.loads(path.read_text("utf-8"))  # Any: parsed JSON
            if root["schema"] != SCHEMA:
                raise ValueError(f"its schema is {root['schema']}, and {SCHEMA} is known")
            return {
                str(url): {str(k): str(v) for k, v in of.items()} for url, of in root["endpoints"].items()
            }
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ProjectFault(
                f"What is known of servers cannot be read: {error}.",
                where=str(path),
                remedy="Put it back from a backup, or remove it: servers are then asked about anew.",
            ) from error

    # ---------------------------------------------------------------- files

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritten(folder, error) from error
        return folder

    @staticmethod
    def _write(path: Path, data: bytes, mode: int) -> None:
        try:
            files.replace(path, data, mode)
        except OSError as error:
            raise _unwritten(path, error) from error

    @staticmethod
    def _write_new(path: Path, data: bytes) -> None:
        """Write a file for this user alone; where two do so at once one of them stays."""
        fresh = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        try:
            files.replace(fresh, data, 0o600)
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        except OSError as error:
            raise _unwritten(path, error) from error
        finally:
            fresh.unlink(missing_ok=True)


class LinkTrust:
    """What one link is told of certificates: a `Trust`."""

    def __init__(self, store: TrustStore, url: str, clock: Clock) -> None:
        self._store, self.url, self._clock = store, url, clock
        self._asked: TrustAsked | None = None
        self._fingerprint = ""  # of the certificate that was found good last

    @property
    def asked(self) -> TrustAsked | None:
        """The certificate that a person has to judge."""
        return self._asked

    def identities(self) -> tuple[Identity, ...]:
        """Return who we are, newest first. Raises ProjectFault."""
        return self._store.identities()

    def pinned(self) -> str:
        """Return how the address was secured last, "" when it never was."""
        return self._store.endpoint(self.url).get("mode", "")

    def pin(self, mode: str) -> None:
        """Remember how the address is secured, and by whom."""
        self._store.note(self.url, mode=mode, fingerprint=self._fingerprint)

    def clear(self) -> None:
        """Forget the question."""
        self._asked = None

    def check(self, chain: bytes, application_uri: str) -> None:
        """Return when the server's certificate is good for this address. Raises LinkRefused, ProjectFault."""
        self._asked, now = None, self._clock.now_ns()
        host = host_of(self.url)
        try:
            shown = certificates.chain_of(chain)
        except ValueError as error:
            raise self._refusal(
                "What the server shows is no certificate.", "Have the server checked."
            ) from error
        one, print_ = shown[0], certificates.fingerprint(shown[0])
        known = self._store.endpoint(self.url)
        wrongs = certificates.faults_of(one, host, application_uri, now)
        for wrong in wrongs:
            if not wrong.may_accept:
                self._store.reject(one)
                raise self._refusal(f"{wrong.what} SHA-256 {print_}.", wrong.remedy)
        by = certificates.trusted_by(
            shown,
            self._store.certificates_of("trusted"),
            self._store.certificates_of("issuers"),
            self._store.revocations(),
            now,
        )
        if isinstance(by, Wrong):
            raise self._refusal(f"{by.what} SHA-256 {print_}.", by.remedy)
        if by is not None and (not wrongs or known.get("accepted") == print_):
            self._fingerprint = print_
            return
        self._store.reject(one)
        self._ask(one, known, tuple(wrong.what for wrong in wrongs), is_known=by is not None)

    def _ask(
        self, one: x509.Certificate, known: Mapping[str, str], wrongs: tuple[str, ...], *, is_known: bool
    ) -> None:
        """Refuse a certificate that a person has to judge, and keep the question."""
        facts = certificates.facts(one)
        print_ = facts.fingerprint
        if known.get("rejected") == print_:
            raise self._refusal(
                f"The server's certificate was rejected by {known.get('rejected_by', 'an admin')}. "
                f"SHA-256 {print_}.",
                "Have the server show another, or: armillary trust accept with its fingerprint.",
            )
        before = known.get("fingerprint", "")
        asked = TrustAsked(facts=facts, url=self.url, before=before if before != print_ else "", wrong=wrongs)
        if known.get("proposed") == print_:
            asked = replace(
                asked,
                proposed_by=known.get("proposed_by", ""),
                proposed_ns=_time(known.get("proposed_at", "")),
                why=known.get("proposed_why", ""),
            )
        self._asked = asked
        self._store.note(self.url, shown=print_)
        by = f"signed by '{facts.issuer}'" if facts.issuer else "signed by itself"
        said = f"'{facts.subject}', {by}, valid {facts.validity}, SHA-256 {print_}."
        if asked.before:
            what = f"Certificate changed: old SHA-256 {asked.before}; new {said}"
        elif is_known:
            what = f"{' '.join(wrongs)} It is {said}"
        else:
            what = f"Nobody here knows the server's certificate: {said}{''.join(f' {w}' for w in wrongs)}"
        raise self._refusal(what, "Compare the fingerprint with the server's own; then an admin accepts it.")

    def decide(self, act: TrustAct, fingerprint: str, who: str, why: str = "") -> str:
        """Do what a person decided about the certificate that waits; return its subject.

        Raises ProjectFault when another waits, or none.
        """
        asked = self._asked
        if asked is None or asked.facts.fingerprint != fingerprint:
            raise ProjectFault(
                "The server shows another certificate now." if asked else "No certificate waits here.",
                where=self.url,
                remedy="Look at the link again.",
            )
        at = iso(self._clock.now_ns())
        if act is TrustAct.PROPOSE:
            self._store.note(
                self.url, proposed=fingerprint, proposed_by=who, proposed_at=at, proposed_why=why
            )
            self._asked = replace(asked, proposed_by=who, proposed_ns=self._clock.now_ns(), why=why)
        elif act is TrustAct.ACCEPT:
            self._store.move(fingerprint, "trusted")
            self._store.note(self.url, accepted=fingerprint, rejected="", **_NO_PROPOSAL)
            self._asked = None
        else:
            self._store.note(self.url, rejected=fingerprint, rejected_by=who, **_NO_PROPOSAL)
            self._asked = None
        return asked.facts.subject

    def _refusal(self, what: str, remedy: str) -> LinkRefused:
        return LinkRefused(what, where=self.url, remedy=remedy)


_NO_PROPOSAL = dict.fromkeys(("proposed", "proposed_by", "proposed_at", "proposed_why"), "")


def accept_here(store: TrustStore, fingerprint: str) -> CertificateFacts:
    """Accept a certificate that a link met, for the addresses where it was shown. Raises ProjectFault."""
    facts = store.move(fingerprint, "trusted")
    for url, known in store.endpoints().items():
        if facts.fingerprint in (known.get("shown"), known.get("rejected")):
            store.note(url, accepted=facts.fingerprint, rejected="", **_NO_PROPOSAL)
    return facts


def reject_here(store: TrustStore, fingerprint: str, who: str) -> CertificateFacts:
    """Trust a certificate no more. Raises ProjectFault."""
    facts = store.move(fingerprint, "rejected")
    for url, known in store.endpoints().items():
        if facts.fingerprint in (known.get("shown"), known.get("accepted"), known.get("fingerprint")):
            store.note(url, accepted="", rejected=facts.fingerprint, rejected_by=who, **_NO_PROPOSAL)
    return facts


def due(identities: Iterable[Identity], now_ns: int) -> bool:
    """Return whether our newest certificate ends so soon that it is to be renewed."""
    newest = next(iter(identities), None)
    return newest is not None and newest.until_ns - now_ns < RENEW_DAYS * _DAY_NS


def _identity(path: Path) -> Identity:
    """Return who we are by a file. Raises ProjectFault for one that others can read, or that is none."""
    remedy = "Remove it: another is made, which servers must trust anew."
    try:
        if path.stat().st_mode & 0o077:
            raise ProjectFault("Others may read the key of our certificate.", where=str(path), remedy=remedy)
        data = path.read_bytes()
        certificate = _certificate(data)
        key = serialization.load_pem_private_key(data, None)
    except (OSError, ValueError, TypeError) as error:
        raise ProjectFault(
            f"Our own certificate cannot be read: {error}.", where=str(path), remedy=remedy
        ) from error
    said = certificates.facts(certificate)
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return Identity(
        certificate=certificate.public_bytes(serialization.Encoding.DER),
        key=key.private_bytes(pem, pkcs8, serialization.NoEncryption()),
        application_uri=said.application_uri,
        until_ns=said.until_ns,
    )


def _certificate(data: bytes) -> x509.Certificate:
    begin = data.find(b"-----BEGIN CERTIFICATE-----")
    return x509.load_pem_x509_certificate(data[max(begin, 0) :])


def _name_of(certificate: x509.Certificate) -> str:
    name = re.sub(r"[^\w .-]", "_", certificates.facts(certificate).subject)[:60].strip(" .") or "server"
    return f"{name} [{certificates.fingerprint(certificate).replace(':', '')[:40]}].der"


def _time(text: str) -> int:
    try:
        return parse_iso(text)
    except ValueError:
        return 0


def _unwritten(path: Path, error: OSError) -> ProjectFault:
    return ProjectFault(
        f"The trust lists cannot be written: {error.strerror}.",
        where=str(path),
        remedy="Check the folder's permissions and free space.",
    )
