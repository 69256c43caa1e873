// Command empty is the smallest function there can be: what its start costs,
// every function pays.
package main

import "github.com/aliyun/fc-runtime-go-sdk/fc"

func main() { fc.Start(func([]byte) (string, error) { return "", nil }) }
