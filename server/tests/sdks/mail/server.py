"""A mail server: aiosmtpd, which keeps what it takes as files in a folder.

Usage: server.py PORT FOLDER [CERTIFICATE KEY [implicit]]
With a certificate it asks for the login ada / s3cret, and for STARTTLS unless TLS is
there from the first byte.
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
            "secured": server.transport.get_extra_info("ssl_object") is not None,
            "headers": [[name.lower(), str(value)] for name, value in mail.items()],
            "text": mail.get_body(("plain",)).get_content(),
            "html": mail.get_body(("html",)).get_content(),
        }
        written = self.folder / f"{self.kept}.part"
        written.write_text(json.dumps(whole))
        written.rename(self.folder / f"{self.kept}.json")
        return "250 OK"


def known(server, session, envelope, mechanism, data):
    right = data.login == b"ada" and data.password == b"s3cret"
    # Not handled yet: the library answers.
    return AuthResult(success=right, handled=False)


def main(port, folder, *secured):
    options = {}
    if secured:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*secured[:2])
        options = {"auth_required": True, "authenticator": known}
        if "implicit" in secured:
            # The library asks whether STARTTLS was, which it need not be here.
            options |= {"ssl_context": context, "auth_require_tls": False}
        else:
            options |= {"tls_context": context, "require_starttls": True}
    keep = Keep(pathlib.Path(folder))
    Controller(keep, hostname="127.0.0.1", port=int(port), **options).start()
    threading.Event().wait()


main(*sys.argv[1:])
