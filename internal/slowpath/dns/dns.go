// Package dns answers DNS requests that name what a logical switch has records of (ovn-sb(5), "DNS TABLE").
package dns

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	mdns "github.com/miekg/dns"

	"woven.dev/woven/internal/slowpath/option"
)

// Row is a row of the table DNS.
type Row struct {
	// Records by name: addresses, or for a name below in-addr.arpa or ip6.arpa, names.
	Records map[string]string
	// Owned is option ovn-owned: requests for addresses that a name of the row has none of are refused, and do not go on to the real server.
	Owned bool
}

// Zone is what a switch has records of.
type Zone struct{ names map[string]entry }

// entry is what a name has.
type entry struct {
	ip4, ip6 []netip.Addr
	pointers []string // in canonical form
	owned    bool
}

// MaxValues is how many addresses, or names, a name can have.
const MaxValues = 64

// NewZone makes a zone of rows. Of a name that several have, the first one counts. What can't be read is told and left out.
func NewZone(rows []Row) (*Zone, []error) {
	z := &Zone{map[string]entry{}}
	var problems []error
	for _, row := range rows {
		for _, name := range slices.Sorted(maps.Keys(row.Records)) {
			key, err := canonical(name)
			if err == nil {
				if _, there := z.names[key]; there {
					continue
				}
				var e entry
				e, err = newEntry(key, row.Records[name])
				e.owned = row.Owned
				z.names[key] = e
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	return z, problems
}

func newEntry(name, v string) (e entry, err error) {
	list := option.List(option.Text(v))
	if len(list) == 0 {
		return e, errors.New("record has no value")
	}
	if len(list) > MaxValues {
		list, err = list[:MaxValues], fmt.Errorf("more than %d values", MaxValues)
	}
	reverse := mdns.IsSubDomain("in-addr.arpa.", name) || mdns.IsSubDomain("ip6.arpa.", name)
	for _, s := range list {
		bad := e.add(s, reverse)
		if bad != nil && err == nil {
			err = bad
		}
	}
	return e, err
}

func (e *entry) add(s string, reverse bool) error {
	if reverse {
		name, err := canonical(s)
		if err == nil {
			e.pointers = append(e.pointers, name)
		}
		return err
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "":
		return fmt.Errorf("read %q: no address", s)
	case a.Is4():
		e.ip4 = append(e.ip4, a)
	default:
		e.ip6 = append(e.ip6, a)
	}
	return nil
}

// canonical is a name in lower case that ends with the root.
func canonical(name string) (string, error) {
	name = mdns.CanonicalName(strings.TrimSpace(name))
	if _, ok := mdns.IsDomainName(name); !ok || name == "." {
		return "", fmt.Errorf("read %q: no domain name", name)
	}
	return name, nil
}
