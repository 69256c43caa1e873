// Package ecsapi is the HTTP wire of the local cloud: ECS (2014-05-26), STS
// (2015-04-01) and Location (2015-06-12) as the vendor's own clients speak
// them, over the behaviour of shared/cloudsim. It verifies both signing
// schemes, checks parameters against one table per operation, limits rates,
// writes answers and errors field by field as the vendor does, and injects the
// faults that tests ask for. It decides nothing about images.
package ecsapi
