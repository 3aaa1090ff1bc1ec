# ARGS reaches the program or the tests: make test ARGS='-p sigra-store creates'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-pdf soak bench release fmt lint deny ci

help: ## Esta lista / This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Compila y abre la demostración / Build and start the demo
	cargo build --release --locked -p sigra
	./target/release/sigra demo $(ARGS)

test: ## Todas las pruebas, en SQLite y PostgreSQL / Every test, on SQLite and PostgreSQL
	SIGRA_PG_FAST=1 scripts/with-postgres scripts/tests $(ARGS)

test-pdf: export RUSTC_WORKSPACE_WRAPPER = $(CURDIR)/scripts/rustc-with-lints
test-pdf: ## Las pruebas y el estilo del PDF / The tests and lints of the PDF
	cargo test -p sigra-pdf --locked
	SIGRA_PG_FAST=1 scripts/with-postgres cargo test -p sigra-api --features pdf --test it --locked audit::informe
	scripts/pdf-inputs >crates/pdf/tested

soak: ## Las mismas pruebas, más largas / The same tests, for longer
	SIGRA_SOAK=1 SIGRA_PG_FAST=1 scripts/with-postgres scripts/tests $(ARGS)

bench: ## Mide el servidor / Measure the server
	cargo build --release --locked -p sigra -p sigra-bench
	scripts/with-postgres ./target/release/sigra-bench $(ARGS)

release: ## El programa que se entrega, con el PDF / The program as it is delivered, with the PDF
	cargo build --release --locked -p sigra --features pdf

fmt: ## Da formato al código / Format the code
	cargo fmt --all

lint: ## Revisa formato, estilo y palabras / Check format, style and words
	cargo fmt --all --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo test --locked -p sigra-testkit --test words

deny: ## Revisa las dependencias / Check the dependencies
	scripts/deny

ci: ## Todo lo que revisa el servidor de integración / All that continuous integration checks
	.ci/run
