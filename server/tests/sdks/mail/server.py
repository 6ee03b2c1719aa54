"""A mail server: aiosmtpd, which keeps what it takes as files in a folder.

Usage: server.py PORT FOLDER [CERTIFICATE KEY]
With a certificate it asks for STARTTLS, and for the login ada / s3cret.
"""

import email
import email.policy
import json
import pathlib
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keep:
    def __init__(self, folder):
        self.folder, self.kept = folder, 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody-"):
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if address.startswith("later-"):
            return f"451 4.7.1 <{address}>: Greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.kept += 1
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        whole = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "secured": session.ssl is not None,
            "headers": [[name.lower(), str(value)] for name, value in mail.items()],
            "text": mail.get_body(("plain",)).get_content(),
            "html": mail.get_body(("html",)).get_content(),
        }
        written = self.folder / f"{self.kept}.part"
        written.write_text(json.dumps(whole))
        written.rename(self.folder / f"{self.kept}.json")
        return "250 OK"


def known(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"ada" and data.password == b"s3cret")


def main(port, folder, *pair):
    options = {}
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        options = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": known,
        }
    keep = Keep(pathlib.Path(folder))
    Controller(keep, hostname="127.0.0.1", port=int(port), **options).start()
    threading.Event().wait()


main(*sys.argv[1:])
