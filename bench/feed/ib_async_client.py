"""ib_async alone: `ib_async_client.py PORT CONID...` streams these contracts and does nothing with what comes."""

import logging
import sys

from ib_async import IB, Contract, StartupFetchNONE

logging.getLogger("ib_async").setLevel(logging.CRITICAL)
port, *con_ids = map(int, sys.argv[1:])
ib = IB()
ib.connect("127.0.0.1", port, clientId=8, readonly=True, fetchFields=StartupFetchNONE)
for con_id in con_ids:
    ib.reqMktData(Contract(conId=con_id, exchange="SMART"))
ib.run()
