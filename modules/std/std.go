// Package std lists the module kinds that Woven comes with.
package std

import (
	"woven.dev/woven/modules/acl"
	"woven.dev/woven/modules/l2switch"
	"woven.dev/woven/modules/router"
	"woven.dev/woven/sdk/iom"
)

// Kinds returns the built-in kinds. Their order gives kind numbers: append, don't insert.
func Kinds() []iom.Kind {
	return []iom.Kind{l2switch.Kind(), router.Kind(), acl.Kind()}
}
