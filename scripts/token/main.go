// Command token is an issuer of tokens for a deployment that has no identity
// provider: it keeps key pairs in a folder, signs tokens with the newest, and
// prints the public halves for PORTAL_JWKS.
//
//	go run ./scripts/token -issuer https://tokens.example -audience imagekeeper -subject alice -roles viewer,operator
//	go run ./scripts/token -jwks                the public keys, for PORTAL_JWKS
//	go run ./scripts/token -rotate              one more key; the ones before stay in the set until their files go
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	var w wish
	folder := flag.String("keys", ".keys", "folder of the private keys; nobody but you may read it")
	roles := flag.String("roles", "viewer", "viewer, operator, fleet or reaper, separated by commas")
	flag.StringVar(&w.issuer, "issuer", "", "the claim iss, as PORTAL_ISSUER has it")
	flag.StringVar(&w.audience, "audience", "imagekeeper", "the claim aud, as PORTAL_AUDIENCE has it")
	flag.StringVar(&w.subject, "subject", "", "the claim sub: who it is for")
	flag.DurationVar(&w.lifetime, "lifetime", 8*time.Hour, "how long it is good, at most 720h")
	flag.BoolVar(&w.set, "jwks", false, "print the public keys")
	flag.BoolVar(&w.rotate, "rotate", false, "make one more key")
	flag.Parse()
	w.roles = strings.FieldsFunc(*roles, func(r rune) bool { return r == ',' || r == ' ' })
	text, err := issue(*folder, w, time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, "token:", err)
		os.Exit(1)
	}
	fmt.Println(text)
}
