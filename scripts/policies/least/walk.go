package least

import (
	"errors"
	"fmt"
	"go/constant"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/types/typeutil"
)

// The packages by which the cloud is called.
const (
	sdk      = "github.com/aliyun/alibaba-cloud-sdk-go"
	services = sdk + "/services/"
	requests = sdk + "/sdk/requests"
	calls    = "shared/alicloud"
	objects  = calls + "/oss"
)

// operationType is the type, in both packages of ours, of which every operation is a
// constant.
const operationType = "operation"

// asking are the functions that send an operation that is named only when they
// run, with the reason why it is none that the program needs, or is known all the
// same.
func asking() map[string]string {
	return map[string]string{
		"(*shared/alicloud.Account).probe":    "asks whether an action is permitted, and takes no for an answer",
		"(shared/alicloud.operation).request": "makes the request of what is a constant where it is called",
	}
}

// walk finds out what a program can reach. It believes that any function whose
// value is taken may be called, and that a method called through an interface may
// be that of any type whose values became values of this interface. Code of others
// is not looked into: what it is given it may call, and give back. So it may reach
// too much and, but for what is called by reflection alone, never too little.
type walk struct {
	program *ssa.Program
	module  string
	reached map[*ssa.Function]bool
	left    []*ssa.Function
	// faces has a *face for each interface.
	faces typeutil.Map
	// found are the operations, as "ecs:DescribeImages"; odd is what went wrong.
	found map[string]bool
	odd   []error
}

// operations are those that can be sent by what is reached from some functions,
// in order, each as product:Operation.
func operations(program *ssa.Program, module string, from ...*ssa.Function) ([]string, error) {
	w := walk{program: program, module: module, reached: map[*ssa.Function]bool{}, found: map[string]bool{}}
	for _, f := range from {
		w.reach(f, nil)
	}
	for len(w.left) > 0 {
		f := w.left[len(w.left)-1]
		w.left = w.left[:len(w.left)-1]
		w.visit(f)
	}
	return slices.Sorted(maps.Keys(w.found)), errors.Join(w.odd...)
}

// reach notes that a function may be called, and what that says if it is one of
// others.
func (w *walk) reach(f, from *ssa.Function) {
	if pkg := packageOf(f); pkg != "" && !w.own(pkg) {
		w.outside(pkg, f, from)
		return
	}
	if !w.reached[f] {
		w.reached[f] = true
		w.left = append(w.left, f)
	}
}

// packageOf is the path of the package that a function, or what it was made of,
// is written in; empty for a wrapper, which has a body like any other.
func packageOf(f *ssa.Function) string {
	if origin := f.Origin(); origin != nil {
		f = origin
	}
	if object := f.Object(); object != nil && object.Pkg() != nil && f.Synthetic == "" {
		return object.Pkg().Path()
	}
	if len(f.Blocks) == 0 && f.Pkg != nil {
		return f.Pkg.Pkg.Path()
	}
	return ""
}

func (w *walk) own(pkg string) bool { return strings.HasPrefix(pkg, w.module+"/") }

// outside reads what it means that a function of others is reached: whoever makes
// a request of the vendor's SDK names its operation when it runs.
func (w *walk) outside(pkg string, f, from *ssa.Function) {
	if strings.HasPrefix(pkg, services) || pkg == requests && (f.Name() == "InitWithApiInfo" || f.Name() == "NewCommonRequest") {
		w.late(from, "make its request of an operation of "+calls)
	}
}

// late notes that an operation is named only when it runs, unless it is known of
// that function.
func (w *walk) late(in *ssa.Function, cure string) {
	for in.Parent() != nil {
		in = in.Parent()
	}
	name := strings.ReplaceAll(in.RelString(nil), w.module+"/", "")
	if _, known := asking()[name]; !known {
		w.odd = append(w.odd, fmt.Errorf("%s: %s sends an operation that is named only when it runs: %s", w.program.Fset.Position(in.Pos()), name, cure))
	}
}

// visit looks at what a function does.
func (w *walk) visit(f *ssa.Function) {
	var room [8]*ssa.Value
	for _, block := range f.Blocks {
		for _, instruction := range block.Instrs {
			for _, operand := range instruction.Operands(room[:0]) {
				w.operand(*operand, f)
			}
			w.instruction(instruction, f)
		}
	}
}

// operand looks at a value that is used.
func (w *walk) operand(v ssa.Value, in *ssa.Function) {
	switch v := v.(type) {
	case *ssa.Function:
		w.reach(v, in)
	case *ssa.Const:
		if product, is := w.operation(v.Type()); is && v.Value != nil {
			w.found[product+constant.StringVal(v.Value)] = true
		}
	}
}

// operation reports whether a type is that of operations, and what stands before
// their names: OSS's have no product in theirs.
func (w *walk) operation(t types.Type) (string, bool) {
	named, ok := t.(*types.Named)
	if !ok || named.Obj().Name() != operationType || named.Obj().Pkg() == nil {
		return "", false
	}
	switch named.Obj().Pkg().Path() {
	case w.module + "/" + objects:
		return "oss:", true
	case w.module + "/" + calls:
		return "", true
	}
	return "", false
}

// instruction looks at what goes where.
func (w *walk) instruction(i ssa.Instruction, in *ssa.Function) {
	switch i := i.(type) {
	case ssa.CallInstruction:
		if call := i.Common(); call.IsInvoke() {
			w.face(call.Value.Type()).invoke(w, call.Method)
		}
	case *ssa.MakeInterface:
		w.face(i.Type()).take(w, i.X.Type())
	case *ssa.ChangeInterface:
		w.pass(i.X.Type(), i.Type())
	case *ssa.TypeAssert:
		w.pass(i.X.Type(), i.AssertedType)
	case *ssa.ChangeType:
		w.pass(i.X.Type(), i.Type())
		if _, is := w.operation(i.Type()); is {
			w.late(in, "name it by a constant")
		}
	}
}

// pass notes that values of one interface become values of another.
func (w *walk) pass(from, to types.Type) {
	if types.IsInterface(from) && types.IsInterface(to) {
		w.face(from).pass(w, w.face(to))
	}
}

// face is an interface: which types its values have, and what is called of it.
type face struct {
	kind  types.Type
	types typeutil.Map
	calls map[*types.Func]bool
	// into are the interfaces that its values may become values of.
	into map[*face]bool
}

// face is what is known of an interface. Those that others declare are as one:
// whoever is given a value of one may make it a value of another.
func (w *walk) face(kind types.Type) *face {
	if known, ok := w.faces.At(kind).(*face); ok {
		return known
	}
	f := &face{kind: kind, calls: map[*types.Func]bool{}, into: map[*face]bool{}}
	w.faces.Set(kind, f)
	named, ok := types.Unalias(kind).(*types.Named)
	if ok && named.Obj().Pkg() != nil && w.own(named.Obj().Pkg().Path()) {
		return f
	}
	for n := range kind.Underlying().(*types.Interface).NumMethods() {
		f.calls[kind.Underlying().(*types.Interface).Method(n)] = true
	}
	if anything := types.Universe.Lookup("any").Type().Underlying(); !types.Identical(kind, anything) {
		all := w.face(anything)
		f.pass(w, all)
		all.pass(w, f)
	}
	return f
}

// take notes that a type becomes the value of f.
func (f *face) take(w *walk, concrete types.Type) {
	if f.types.At(concrete) != nil || !types.Implements(concrete, f.kind.Underlying().(*types.Interface)) {
		return
	}
	f.types.Set(concrete, true)
	for method := range f.calls {
		w.dispatch(concrete, method)
	}
	for other := range f.into {
		other.take(w, concrete)
	}
}

// invoke notes that a method of f is called.
func (f *face) invoke(w *walk, method *types.Func) {
	if !f.calls[method] {
		f.calls[method] = true
		f.types.Iterate(func(concrete types.Type, _ any) { w.dispatch(concrete, method) })
	}
}

// pass notes that values of f may become values of other.
func (f *face) pass(w *walk, other *face) {
	if !f.into[other] {
		f.into[other] = true
		for _, concrete := range f.types.Keys() {
			other.take(w, concrete)
		}
	}
}

// dispatch reaches the method of a type that a call through an interface means.
func (w *walk) dispatch(concrete types.Type, method *types.Func) {
	if selected := w.program.MethodSets.MethodSet(concrete).Lookup(method.Pkg(), method.Name()); selected != nil {
		w.reach(w.program.MethodValue(selected), nil)
	}
}
