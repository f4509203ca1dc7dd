"""The audit log of a server: an RFC 6962 tree over every answer, in C2SP tiles, with signed checkpoints."""

from helder.serve.audit.log import AuditLog
from helder.serve.audit.receipt import Damaged, NotLogged, Receipt, Stamped
from helder.serve.audit.record import Keep, Record

__all__ = ["AuditLog", "Damaged", "Keep", "NotLogged", "Receipt", "Record", "Stamped"]
