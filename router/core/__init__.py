"""The words everybody uses: errors, diagnostics, messages, money, ports. No I/O, no clock."""
