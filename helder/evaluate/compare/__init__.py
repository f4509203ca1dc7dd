"""Side by side: the same items to several models and services, the same judge, and what the difference shows.

    services.py    who is asked: a service's protocol, address, price, settings
    items.py       what is asked: the items of a project or of a file, as conversations
    leaving.py     what would leave this machine: every request, before any is sent
    plan.py        what is fixed before anything is asked: items, margin, tests, power
    gate.py        which hosts may be spoken to          wire.py       one HTTP exchange, every byte of it kept
    protocols.py   OpenAI's and Anthropic's forms        budget.py     money and requests, never more than agreed
    patience.py    when to try again                     record.py     what was sent and what came back
    asking.py      many questions to one service         local.py      models on this machine, and answers made before
    result.py      judge, statistics, columns            run.py        all of it in order, with the ledger

What a service answered cannot be had again: the same request may get another answer tomorrow, from another model under
the same name. So its bytes are kept, with the date and the name that it gave itself, and are called "recorded, cannot
be replayed" wherever they are shown. Nothing here opens a connection to a host that was not named on the command line.
"""

RECORDED = "recorded, cannot be replayed"
