package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag's value that is one of a few words.
type choice struct {
	value *string
	words []string
}

func (c choice) String() string { return *c.value }

func (c choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("must be one of %s", strings.Join(c.words, ", "))
	}
	*c.value = word
	return nil
}

func (c choice) Type() string { return strings.Join(c.words, "|") }

// choiceFlag gives cmd and its subcommands a flag that takes one of words; the first is the default.
func choiceFlag(cmd *cobra.Command, value *string, name, shorthand, usage string, words ...string) {
	*value = words[0]
	cmd.PersistentFlags().VarP(choice{value, words}, name, shorthand, usage)
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added above
	}
}
