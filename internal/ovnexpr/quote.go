package ovnexpr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// quote writes a JSON string.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""` // no string fails to encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// escapes are what single letters stand for after a backslash.
var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unquote reads what the quotes of a JSON string enclose. Like OVN, and unlike JSON, it takes control characters as they
// are; a null character is refused. The text does not end within an escape of one letter.
func unquote(s string) (string, error) {
	var b strings.Builder
	for s != "" {
		plain, rest, escaped := strings.Cut(s, `\`)
		b.WriteString(plain)
		if !escaped {
			break
		}
		if c, ok := escapes[rest[0]]; ok {
			b.WriteByte(c)
			s = rest[1:]
			continue
		}
		r, tail, ok := unicodeEscape(rest)
		if !ok {
			return "", fmt.Errorf("string has a bad escape at \\%s", rest)
		}
		b.WriteRune(r)
		s = tail
	}
	if strings.IndexByte(b.String(), 0) >= 0 {
		return "", fmt.Errorf("string has a null character")
	}
	return b.String(), nil
}

// unicodeEscape reads the uXXXX that follows a backslash, or two of them that make up one character.
func unicodeEscape(s string) (r rune, rest string, ok bool) {
	first, rest, ok := hexRune(s)
	if !ok || !utf16.IsSurrogate(first) {
		return first, rest, ok
	}
	rest, escaped := strings.CutPrefix(rest, `\`)
	second, rest, ok := hexRune(rest)
	r = utf16.DecodeRune(first, second)
	return r, rest, escaped && ok && r != '\uFFFD'
}

func hexRune(s string) (r rune, rest string, ok bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, "", false
	}
	v, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(v), s[5:], err == nil
}
