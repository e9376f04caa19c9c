"""The real Schannel API on Linux: Windows CPython, Wine's secur32.dll, the whole suite.

    make schannel                                     build what is missing, run everything
    python -m tests.schannel.suite                    the suite under Wine, in parts side by side
    python -m tests.schannel.build                    build the environment only (about a minute)
    python -m tests.schannel.wine -- python -m tlsclose doctor
    python -m tests.schannel.wine --tls13 -- python -m pytest tests/providers

`build` needs root, amd64 Linux and the package mmdebstrap; it fills the git-ignored `.schannel/`
with four layers, each made once and again only when what it is made from changes:

    root     a minimal Debian 13 with Wine 10, from the mirror that this machine's apt uses
    python   Windows CPython 3.12 and the win_amd64 wheels of what pyproject.toml names, from PyPI
    prefix   Wine's own C: drive, as Wine leaves it after its first start
    pycache  compiled modules, kept from run to run

`wine` stacks them read-only under a folder in memory, in a mount and process namespace of its own:
runs do not see each other, nothing they write survives, and nothing stays mounted or running
after them, however they end. The project is `Z:\\project` there, read-only; the network is the
host's. Wine's Schannel speaks TLS 1.2, and TLS 1.3 too with `--tls13`.

Wine imports an RSA key wrongly if one of its numbers is a byte short, as in one key of thirty: then
a server cannot sign, and every handshake with it fails. A process has one place for imported keys,
too: of two identities held at once only the later one works. Neither is so on Windows.

What Wine cannot prove is marked `windows` and runs on the Windows machine of the public CI:
Windows' own status for a close_notify (Wine says SEC_E_OK and no data where Windows says
SEC_I_CONTEXT_EXPIRED), SEC_I_RENEGOTIATE for tickets and KeyUpdate, Windows' error codes,
validation of certificates (Wine accepts all), the choice of protocol by credential, the expiry of
contexts, Npcap, Ctrl-C in a console.
"""
