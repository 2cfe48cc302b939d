package netstate

import (
	"reflect"
	"testing"
)

// byValue is a Config with its own comparison: two are equal when their names are.
type byValue struct{ name, other string }

func (b byValue) Equal(o any) bool { v, ok := o.(byValue); return ok && v.name == b.name }

// A difference in any one field makes modules differ: a new field that Equal forgets fails here.
func TestModuleEqual(t *testing.T) {
	base := func() *Module {
		return &Module{Config: byValue{name: "c"}, Ports: []Port{{Device: &Device{}, Peer: &Link{}}}, Groups: []Group{{}}, Services: []Service{{Config: byValue{name: "s"}}}}
	}
	if !base().Equal(base()) {
		t.Error("equal modules differ")
	}
	differ := func(what string, change func(m *Module) reflect.Value) {
		for i := range reflect.TypeOf(change(base()).Interface()).NumField() {
			m := base()
			setOther(change(m).Field(i))
			if m.Equal(base()) || base().Equal(m) {
				t.Errorf("%s: field %s makes no difference", what, change(m).Type().Field(i).Name)
			}
		}
	}
	differ("module", func(m *Module) reflect.Value { return reflect.ValueOf(m).Elem() })
	differ("port", func(m *Module) reflect.Value { return reflect.ValueOf(&m.Ports[0]).Elem() })
	differ("device", func(m *Module) reflect.Value { return reflect.ValueOf(m.Ports[0].Device).Elem() })
	differ("link", func(m *Module) reflect.Value { return reflect.ValueOf(m.Ports[0].Peer).Elem() })
	differ("service", func(m *Module) reflect.Value { return reflect.ValueOf(&m.Services[0]).Elem() })
	differ("group", func(m *Module) reflect.Value { return reflect.ValueOf(&m.Groups[0]).Elem() })

	own := base()
	own.Config = byValue{name: "c", other: "is not looked at"}
	if !own.Equal(base()) {
		t.Error("the configuration's own comparison is not used")
	}
	var none *Module
	if none.Equal(base()) || base().Equal(none) || !none.Equal(nil) {
		t.Error("no module equals only no module")
	}
}

// setOther gives a field a value that it did not have.
func setOther(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(v.Uint() + 1)
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(uint32(FirstObject)), reflect.ValueOf("other"))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
	case reflect.Array:
		setOther(v.Index(0))
	case reflect.Uint8:
		v.SetUint(v.Uint() + 1)
	case reflect.Pointer, reflect.Interface:
		v.SetZero()
	default:
		panic("no other value for " + v.Type().String())
	}
}
