package rest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	v1 "woven.dev/woven/api/v1"
	"woven.dev/woven/internal/hover"
)

// typeName, modulePath, tablePath, linkPort and interfaceName are the paths of single resources.
type (
	typeName struct {
		Name string `path:"name" doc:"Name of the type"`
	}
	modulePath struct {
		Module string `path:"module" doc:"ID of the module; or its name, if no other module has it"`
	}
	tablePath struct {
		Module string `path:"module" doc:"ID of the module; or its name, if no other module has it"`
		Table  string `path:"table" doc:"Name of the table"`
		Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"Largest number of rows to list"`
	}
	linkPort struct {
		Port string `path:"port" doc:"Name of the port"`
	}
	interfaceName struct {
		Name string `path:"name" doc:"Name of the interface"`
	}
)

// registerInspection adds the resources that show the data plane.
func registerInspection(api huma.API, source Source) {
	types := func() ([]v1.Type, error) { return source.Types(), nil }
	links := func() ([]v1.Link, error) { return source.Links(), nil }
	get(api, "types", "/v1/types", "Types of modules, the platform first",
		func(*struct{}) (*list[v1.Type], error) { return listOf("types", types, fullType) })
	get(api, "type", "/v1/types/{name}", "One type of modules",
		func(in *typeName) (*one[v1.Type], error) {
			return oneOf("type", in.Name, types, func(t v1.Type) string { return t.Name }, fullType)
		}, http.StatusNotFound)
	registerModules(api, source)
	get(api, "links", "/v1/links", "What ports of modules are linked to, in ascending order of module, then port",
		func(*struct{}) (*list[v1.Link], error) { return listOf("links", links, fullLink) })
	get(api, "link", "/v1/links/{port}", "What one port is linked to",
		func(in *linkPort) (*one[v1.Link], error) {
			return oneOf("link of port", in.Port, links, func(l v1.Link) string { return l.Port }, fullLink)
		}, http.StatusNotFound)
	get(api, "interfaces", "/v1/interfaces", "Network interfaces that Woven has to do with, in ascending order of name",
		func(*struct{}) (*list[v1.Interface], error) {
			return listOf("interfaces", source.Interfaces, fullInterface)
		})
	get(api, "interface", "/v1/interfaces/{name}", "One network interface",
		func(in *interfaceName) (*one[v1.Interface], error) {
			return oneOf("Woven interface", in.Name, source.Interfaces, func(i v1.Interface) string { return i.Name }, fullInterface)
		}, http.StatusNotFound)
}

// registerModules adds the resources that show modules and what is in their tables.
func registerModules(api huma.API, source Source) {
	get(api, "modules", "/v1/modules", "All module instances, in ascending order of name",
		func(*struct{}) (*list[v1.ModuleInstance], error) {
			return listOf("modules", source.Modules, fullModule)
		})
	get(api, "module", "/v1/modules/{module}", "One module instance with its ports",
		func(in *modulePath) (*one[v1.ModuleDetails], error) {
			return ofModule(source, in.Module, "module", source.Module, fullModuleDetails)
		}, http.StatusNotFound, http.StatusConflict)
	get(api, "tables", "/v1/modules/{module}/tables", "A module's tables, in ascending order of name",
		func(in *modulePath) (*list[v1.Table], error) {
			tables, err := ofModule(source, in.Module, "tables", source.Tables, full)
			if err != nil {
				return nil, err
			}
			return &list[v1.Table]{tables.Body}, nil
		}, http.StatusNotFound, http.StatusConflict)
	get(api, "rows", "/v1/modules/{module}/tables/{table}", "Rows that a module has in a table",
		func(in *tablePath) (*one[v1.Rows], error) {
			read := func(id string) (v1.Rows, error) { return source.Rows(id, in.Table, in.Limit) }
			return ofModule(source, in.Module, "table "+fmt.Sprintf("%q", in.Table), read, fullRows)
		}, http.StatusNotFound, http.StatusConflict)
}

// ofModule reads what of a module that is given by ID or name.
func ofModule[T any](source Source, name, what string, read func(id string) (T, error), full func(T) T) (*one[T], error) {
	ids := source.FindModules(name)
	if len(ids) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("no module %q on this node", name))
	}
	if len(ids) > 1 {
		return nil, huma.Error409Conflict(fmt.Sprintf("%d modules have the name %q; their IDs are %s", len(ids), name, strings.Join(ids, ", ")))
	}
	v, err := read(ids[0])
	if errors.Is(err, hover.ErrUnknown) {
		return nil, huma.Error404NotFound(fmt.Sprintf("no %s of module %q on this node", what, name))
	}
	if err != nil {
		return nil, huma.Error500InternalServerError(fmt.Sprintf("read %s of module %q: %v", what, name, err))
	}
	return &one[T]{full(v)}, nil
}

// oneOf reads the first of what there is that has a name.
func oneOf[T any](what, name string, read func() ([]T, error), nameOf func(T) string, full func(T) T) (*one[T], error) {
	elements, err := read()
	if err != nil {
		return nil, huma.Error500InternalServerError(fmt.Sprintf("read %ss: %v", what, err))
	}
	i := slices.IndexFunc(elements, func(e T) bool { return nameOf(e) == name })
	if i < 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("no %s %q on this node", what, name))
	}
	return &one[T]{full(elements[i])}, nil
}
