"""What requests and answers look like on the wire: pure functions of bytes, columns and answers."""
