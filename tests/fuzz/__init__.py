"""Fuzzing: any bytes give a Report, in time linear in their number; any rule file gives a Knowledge or one KnowledgeError.

Every target is a function from octets to nothing that raises where the contract is broken. See docs/explanation/security.md.
"""
