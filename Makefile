# The commands of this repository. Each does its work in scripts/ or with cargo.

CARGO ?= cargo

.PHONY: build page check test bench demo demo-clean clean

build: # target/release/infrakt, with the web page in it
	scripts/build-tools
	scripts/frontend build
	$(CARGO) build --release --locked

page: # frontend/dist: the web page, checked and tested (Node 20)
	scripts/frontend

check: # minutes: formatting, lints, every test that needs no server
	scripts/test --quick

test: # everything, in the order of speed; the last line says how many passed and failed
	scripts/test

bench: # what things cost, printed; ONLY="start queue" runs parts of it
	scripts/bench $(ONLY)

demo: build # a server of its own in a container, provisioned and deployed to
	scripts/demo

demo-clean: # takes the demo's server and home away
	scripts/demo clean

clean: # test servers, their caches, and target/
	scripts/testserver clean --all
	$(CARGO) clean
