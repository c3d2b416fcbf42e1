// Arrays from Python: each use says what type and shape it takes, and refuses any other.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <initializer_list>
#include <string>

#include "spec.hpp"

namespace kohort {

namespace nb = nanobind;
using Given = nb::ndarray<nb::ro, nb::device::cpu>;
using Written = nb::ndarray<nb::device::cpu>;

constexpr Index ANY = -1;  // as a length: whatever the array has

inline std::string named(nb::dlpack::dtype type) {
    const char* kind = "type";
    switch (nb::dlpack::dtype_code(type.code)) {
        case nb::dlpack::dtype_code::Int: kind = "int"; break;
        case nb::dlpack::dtype_code::UInt: kind = "uint"; break;
        case nb::dlpack::dtype_code::Float: kind = "float"; break;
        case nb::dlpack::dtype_code::Bool: kind = "bool"; break;
        default: break;
    }
    return kind + std::to_string(type.bits);
}

template <class Length>
std::string shape_of(std::size_t axes, Length length) {
    std::string text = "(";
    for (std::size_t axis = 0; axis < axes; axis++) {
        const Index found = Index(length(axis));
        text += (axis ? ", " : "") + (found == ANY ? "any" : std::to_string(found));
    }
    return text + ")";
}

// The entries of a contiguous array of this type and shape.
template <class Array>
auto* entries(const Array& array, const char* name, nb::dlpack::dtype type,
              std::initializer_list<Index> shape) {
    bool fits = array.ndim() == shape.size();
    Index stride = 1;
    for (std::size_t axis = array.ndim(); fits && axis-- > 0;) {
        const Index wanted = shape.begin()[axis], found = Index(array.shape(axis));
        fits = (wanted == ANY || wanted == found) &&
               (found == 1 || !array.size() || Index(array.stride(axis)) == stride);
        stride *= found;
    }
    if (fits && array.dtype() == type) return array.data();
    const std::string wanted = shape_of(shape.size(), [&](auto i) { return shape.begin()[i]; });
    const std::string found = shape_of(array.ndim(), [&](auto i) { return array.shape(i); });
    const std::string text = std::string(name) + " must be a contiguous array of " + named(type) +
                             " of shape " + wanted + "; got " + named(array.dtype()) + " " + found;
    if (array.dtype() == type) throw nb::value_error(text.c_str());
    throw nb::type_error(text.c_str());
}

template <class Entry, class Array>
const Entry* entries(const Array& array, const char* name, std::initializer_list<Index> shape) {
    return static_cast<const Entry*>(entries(array, name, nb::dtype<Entry>(), shape));
}

}  // namespace kohort
