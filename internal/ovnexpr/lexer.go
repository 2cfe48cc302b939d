package ovnexpr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString     // text is what the quotes enclose, unescaped
	tokenInteger    // integer is its value
	tokenAddressSet // text is the name without $
	tokenPortGroup  // text is the name without @
	tokenMark       // an operator, a bracket or a comma: text
)

type token struct {
	kind    tokenKind
	offset  int
	text    string
	integer Integer
}

// is tells whether the token is an operator, a bracket or a comma.
func (t token) is(mark string) bool { return t.kind == tokenMark && t.text == mark }

// marks, those first that others begin.
var marks = []string{"&&", "||", "==", "!=", "<=", ">=", "..", "<", ">", "!", "(", ")", "{", "}", "[", "]", ",", "="}

type lexer struct {
	text   string
	offset int
}

func (l *lexer) fault(offset int, format string, args ...any) error {
	return &SyntaxError{Text: l.text, Offset: offset, Reason: fmt.Sprintf(format, args...)}
}

// next reads one token.
func (l *lexer) next() (token, error) {
	if err := l.skip(); err != nil {
		return token{}, err
	}
	rest := l.text[l.offset:]
	switch {
	case rest == "":
		return token{kind: tokenEnd, offset: l.offset}, nil
	case rest[0] == '"':
		return l.quoted()
	case rest[0] == '$':
		return l.reference(tokenAddressSet, "an address set")
	case rest[0] == '@':
		return l.reference(tokenPortGroup, "a port group")
	case rest[0] == '^':
		return token{}, l.fault(l.offset, "template variable is not expanded")
	case startsInteger(rest):
		return l.integer()
	case nameLen(rest) > 0:
		return l.take(tokenName, nameLen(rest)), nil
	}
	for _, m := range marks {
		if strings.HasPrefix(rest, m) {
			return l.take(tokenMark, len(m)), nil
		}
	}
	c, _ := utf8.DecodeRuneInString(rest)
	return token{}, l.fault(l.offset, "unexpected character %q", c)
}

// take makes a token of the next n bytes.
func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, offset: l.offset, text: l.text[l.offset : l.offset+n]}
	l.offset += n
	return t
}

// skip passes over white space and comments.
func (l *lexer) skip() error {
	for l.offset < len(l.text) {
		rest := l.text[l.offset:]
		switch {
		case strings.IndexByte(" \t\n\v\f\r", rest[0]) >= 0:
			l.offset++
		case strings.HasPrefix(rest, "//"):
			line, _, _ := strings.Cut(rest, "\n")
			l.offset += len(line)
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return l.fault(l.offset, "comment does not end")
			}
			l.offset += n + len("/**/")
		default:
			return nil
		}
	}
	return nil
}

// quoted reads a string in JSON's syntax.
func (l *lexer) quoted() (token, error) {
	end := l.offset + 1
	for end < len(l.text) && l.text[end] != '"' {
		if l.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(l.text) {
		return token{}, l.fault(l.offset, "string does not end")
	}
	t := l.take(tokenString, end+1-l.offset)
	var err error
	if t.text, err = unquote(t.text[1 : len(t.text)-1]); err != nil {
		return token{}, l.fault(t.offset, "%v", err)
	}
	return t, nil
}

// reference reads the name of a set after its mark.
func (l *lexer) reference(kind tokenKind, what string) (token, error) {
	n := nameLen(l.text[l.offset+1:])
	if n == 0 {
		return token{}, l.fault(l.offset, "expecting the name of %s after %s", what, l.text[l.offset:l.offset+1])
	}
	t := l.take(kind, 1+n)
	t.text = t.text[1:]
	return t, nil
}

// integer reads a constant and its mask.
func (l *lexer) integer() (token, error) {
	t := l.take(tokenInteger, numberLen(l.text[l.offset:]))
	var err error
	if t.integer, err = parseNumber(t.text); err != nil {
		return token{}, l.fault(t.offset, "%v", err)
	}
	if !strings.HasPrefix(l.text[l.offset:], "/") {
		return t, nil
	}
	l.offset++
	mask, err := parseNumber(l.take(tokenInteger, numberLen(l.text[l.offset:])).text)
	if err != nil {
		return token{}, l.fault(t.offset, "mask: %v", err)
	}
	if t.integer, err = t.integer.withMask(mask); err != nil {
		return token{}, l.fault(t.offset, "%v", err)
	}
	return t, nil
}

// startsInteger: a digit, an IPv6 address that starts with ::, or hexadecimal digits followed by a colon (no name holds one).
func startsInteger(s string) bool {
	if isDigit(s[0]) || strings.HasPrefix(s, "::") {
		return true
	}
	tail := strings.TrimLeft(s, "0123456789abcdefABCDEF")
	return len(tail) < len(s) && strings.HasPrefix(tail, ":")
}

// numberLen is the length of a number or address at the start of s: alphanumeric characters, colons, and single dots
// (two end it, as in 3..7). No colon follows a dot.
func numberLen(s string) int {
	n, dot := 0, false
	for n < len(s) {
		switch c := s[n]; {
		case isDigit(c), isLetter(c), c == ':' && !dot:
		case c == '.' && !strings.HasPrefix(s[n:], ".."):
			dot = true
		default:
			return n
		}
		n++
	}
	return n
}

// nameLen is the length of the name at the start of s; 0 if there is none.
func nameLen(s string) int {
	n := 0
	for n < len(s) && (isLetter(s[n]) || s[n] == '_' || s[n] == '.' || n > 0 && isDigit(s[n])) {
		n++
	}
	if strings.HasPrefix(s, "..") {
		return 0
	}
	return n
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
