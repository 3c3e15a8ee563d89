#include "session/entry_store.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "base/random.h"

namespace ringside::session {
namespace {

Key key(std::uint64_t low, std::uint64_t high = 0) { return {{low, high}}; }

std::vector<std::uint64_t> keys_from_oldest(const EntryStore& store, const EntryList& list) {
  std::vector<std::uint64_t> keys;
  for (EntryIndex i = list.oldest; i != kNoEntry; i = store[i].newer) {
    keys.push_back(store[i].key.hash.low);
  }
  return keys;
}

TEST_CASE("entry_store: all 128 bits of a key count") {
  EntryStore store;
  const EntryIndex a = store.insert(key(1, 1));
  const EntryIndex b = store.insert(key(1, 2));
  CHECK(a != b);
  CHECK(store.find(key(1, 1)) == a);
  CHECK(store.find(key(1, 2)) == b);
  CHECK(store.find(key(1, 3)) == kNoEntry);
  CHECK(store.find(key(17, 1)) == kNoEntry);  // the same bucket of 16
}

TEST_CASE("entry_store: entries are found and stay where they are through growth") {
  EntryStore store;
  std::vector<EntryIndex> at;
  const Entry* first = nullptr;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    at.push_back(store.insert(key(i * 16)));  // keys that crowd the first table's buckets
    if (i == 0) first = &store[at[0]];
  }
  CHECK(store.size() == 1000);
  CHECK(first == &store[at[0]]);
  for (std::uint64_t i = 0; i < 1000; ++i) CHECK(store.find(key(i * 16)) == at[i]);
}

TEST_CASE("entry_store: an erased entry is gone, and its place is used again") {
  EntryStore store;
  const EntryIndex a = store.insert(key(1));
  store.insert(key(17));
  store[a].streams = 3;
  store.erase(a);
  CHECK(store.size() == 1);
  CHECK(store.find(key(1)) == kNoEntry);
  CHECK(store.find(key(17)) != kNoEntry);
  const EntryIndex b = store.insert(key(2));
  CHECK(b == a);
  CHECK(store[b].streams == 0);
}

TEST_CASE("entry_store: a list keeps its order when its ends and its middle are taken out") {
  EntryStore store;
  EntryList list;
  std::vector<EntryIndex> at;
  for (std::uint64_t i = 0; i < 5; ++i) {
    at.push_back(store.insert(key(i)));
    store.append(list, at.back());
  }
  store.unlink(list, at[2]);
  store.unlink(list, at[0]);
  store.unlink(list, at[4]);
  CHECK(keys_from_oldest(store, list) == std::vector<std::uint64_t>{1, 3});
  store.append(list, at[2]);
  CHECK(keys_from_oldest(store, list) == std::vector<std::uint64_t>{1, 3, 2});
  for (const EntryIndex i : {at[3], at[1], at[2]}) store.unlink(list, i);
  CHECK(list.oldest == kNoEntry);
  CHECK(list.newest == kNoEntry);
}

TEST_CASE("entry_store: after ten thousand random inserts and erases it holds what a set would") {
  EntryStore store;
  std::vector<bool> present(200);
  Random random(1);
  for (int step = 0; step < 10'000; ++step) {
    const std::uint32_t i = random.below(200);
    const EntryIndex index = store.find(key(i));
    REQUIRE((index != kNoEntry) == present[i]);
    if (present[i]) {
      store.erase(index);
    } else {
      store.insert(key(i));
    }
    present[i] = !present[i];
  }
}

}  // namespace
}  // namespace ringside::session
