package ovnexpr

// Fault is the error that something which a match names can't be used, where it is named first: a symbol, "$set", "@group" or
// a string in quotes. Parse has accepted the text.
func Fault(text, name, reason string) *SyntaxError {
	l := lexer{text: text}
	for {
		t, err := l.next()
		if err != nil || t.kind == tokenEnd {
			return &SyntaxError{Text: text, Reason: reason}
		}
		var have string
		switch t.kind {
		case tokenName:
			have = t.text
		case tokenString:
			have = Text(t.text).String()
		case tokenAddressSet:
			have = AddressSet(t.text).String()
		case tokenPortGroup:
			have = PortGroup(t.text).String()
		}
		if have == name {
			return &SyntaxError{Text: text, Offset: t.offset, Reason: reason}
		}
	}
}
