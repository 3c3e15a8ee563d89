// Fields whose names would be those of fields that matter, but for '_' in the place of '-'.
//
// Why      Many servers hand fields to programs as variables, X_FORWARDED_FOR for X-Forwarded-For,
//          and so take both for one. A client could say in the lookalike what the proxy refuses,
//          replaces or routes by in the true field.
// Bounds   Only a head that has a '_' in some name is looked at.
#pragma once

#include <vector>

#include "http/head.h"
#include "relay/failure.h"
#include "relay/pool.h"

namespace ringside::relay {

// The refusal of a request that has one: of the pool's session field, of another field that the
// pool routes by or that the proxy reads or writes; else none.
Failure lookalike_in(const http::RequestHead& head, const Pool& pool);

// The fields without lookalikes, in `storage`.
std::span<const http::Field> without_lookalikes(const http::RequestHead& head, const Pool& pool,
                                                std::vector<http::Field>& storage);

}  // namespace ringside::relay
