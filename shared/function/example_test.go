package function_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"imagekeeper/shared/fault"
	"imagekeeper/shared/function"
)

type greeting struct {
	Hello string `json:"hello"`
}

type greet struct {
	Name  string `json:"name" validate:"required,max=20" doc:"Whom to greet"`
	Times int    `json:"times" validate:"max=3"`
}

func greeter() *function.Function {
	return function.New("greeter", function.Handle(
		function.Spec{Name: "greeter.greet", Pattern: "GET /greetings/{name}", Summary: "Greet somebody"},
		func(_ context.Context, _ function.Call, in greet) (greeting, error) {
			return greeting{Hello: in.Name}, nil
		},
	))
}

// A function is an http.Handler as well, so tests need no runtime.
func ExampleHandle() {
	for _, target := range []string{"/greetings/Ada", "/greetings/Ada?times=4"} {
		w := httptest.NewRecorder()
		greeter().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 {"hello":"Ada"}
	// 400 {"type":"about:blank","title":"Bad Request","status":400,"code":"max","detail":"times must be at most 3","field":"times"}
}

// The same operation as a direct call, which is what a script sends.
func ExampleFunction_Invoke() {
	call := function.Call{RequestID: "1-2-3"}
	for _, event := range []string{
		`{"operation":"greeter.greet","input":{"name":"Ada"}}`,
		`{"operation":"greeter.greet","input":{"name":"Ada","TIMES":1}}`,
	} {
		fmt.Println(string(greeter().Invoke(context.Background(), call, []byte(event))))
	}
	// Output:
	// {"hello":"Ada"}
	// {"type":"about:blank","title":"Bad Request","status":400,"code":"otherCase","detail":"TIMES is not known: write it times","field":"TIMES","requestId":"1-2-3"}
}

func ExampleConfigure() {
	type config struct {
		Regions []string `env:"REGIONS" default:"cn-hangzhou"`
		Share   float64  `env:"ECS_RATE_SHARE" default:"0.3" validate:"gt=0,lte=1"`
	}
	environment := map[string]string{"REGIONS": "cn-beijing,cn-shanghai"}
	look := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	fmt.Println(function.Configure[config](look))
	environment["ECS_RATE_SHARE"] = "30%"
	_, err := function.Configure[config](look)
	fmt.Println(err)
	// Output:
	// {[cn-beijing cn-shanghai] 0.3} <nil>
	// ECS_RATE_SHARE: must be a number: the value is "30%"
}

func ExampleCredentials() {
	call := function.Call{Credentials: function.Credentials{AccessKeyID: "LTAI1", Secret: "s"}}
	fmt.Printf("%v %+v %s\n", call.Credentials, call.Credentials, call.Credentials.Secret)
	// Output: *** *** ***
}

func ExampleCall_Problem() {
	call := function.Call{RequestID: "1-abc"}
	p := call.Problem(fault.New(fault.Conflict, "the plan is another one").WithCode("planChanged"))
	fmt.Println(p.Status, p.Code, p.Detail)
	fmt.Println((*function.Problem)(nil).HTTPStatus())
	// Output:
	// 409 planChanged the plan is another one
	// 200
}
