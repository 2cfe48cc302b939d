package rest

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// aclQuery says which ACLs to list.
type aclQuery struct {
	Switch string `query:"switch" doc:"Name or ID of a switch: only its ACLs"`
	Port   string `query:"port" doc:"Name of a port: only the ACLs that may decide on packets from it, or to it"`
}

// registerACLs adds the list of ACLs.
func registerACLs(api huma.API, source Source) {
	get(api, "acls", "/v1/acls", "Access control lists of the switches of this node, each in the order in which they are looked at",
		func(in *aclQuery) (*list[v1.ACL], error) {
			acls, err := source.ACLs(v1.ACLFilter{Switch: in.Switch, Port: in.Port})
			if errors.Is(err, hover.ErrUnknown) {
				return nil, huma.Error404NotFound(err.Error())
			}
			return listOf("acls", func() ([]v1.ACL, error) { return acls, err }, func(a v1.ACL) v1.ACL { return a })
		}, http.StatusNotFound)
}
