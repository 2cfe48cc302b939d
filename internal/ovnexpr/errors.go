package ovnexpr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxError says what in a text is no match expression.
type SyntaxError struct {
	Text   string
	Offset int // byte of Text where the fault was seen; len(Text) at its end
	Reason string
}

// Error is one line: the column, counted in characters from 1, and the reason.
func (e *SyntaxError) Error() string {
	line, before, _ := e.line()
	column := fmt.Sprintf("column %d", utf8.RuneCountInString(before)+1)
	if line > 1 {
		column = fmt.Sprintf("line %d, %s", line, column)
	}
	return column + ": " + e.Reason
}

// excerpt is how many characters Show gives on each side of the fault.
const excerpt = 50

// Show is Error and below it the text with a caret under the fault. Of a long line it gives the part around the fault.
func (e *SyntaxError) Show() string {
	_, before, after := e.line()
	left, right := []rune(before), []rune(after)
	if len(left) > excerpt {
		left = append([]rune("..."), left[len(left)-excerpt:]...)
	}
	if len(right) > excerpt {
		right = append(right[:excerpt:excerpt], []rune("...")...)
	}
	text := strings.ReplaceAll(string(left)+string(right), "\t", " ")
	return fmt.Sprintf("%s\n  %s\n  %s^", e.Error(), text, strings.Repeat(" ", len(left)))
}

// line finds the line of the fault: its number from 1, and its text on both sides of the fault.
func (e *SyntaxError) line() (number int, before, after string) {
	before, after = e.Text[:e.Offset], e.Text[e.Offset:]
	number = 1 + strings.Count(before, "\n")
	before = before[strings.LastIndexByte(before, '\n')+1:]
	after, _, _ = strings.Cut(after, "\n")
	return number, before, after
}
