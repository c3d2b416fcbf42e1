// The kernels for one instruction set: compiled once for each, with its flags and its own namespace.
#include "member.hpp"

#define KOHORT_TEXT_OF(name) #name
#define KOHORT_TEXT(name) KOHORT_TEXT_OF(name)

namespace KOHORT_ISA {

const kohort::Precisions& kernels() {
    static const kohort::Precisions both{
        {KOHORT_TEXT(KOHORT_ISA), memory<float>, train<float>, judge<float>, predict<float>, sample<float>},
        {KOHORT_TEXT(KOHORT_ISA), memory<double>, train<double>, judge<double>, predict<double>, sample<double>},
    };
    return both;
}

}  // namespace KOHORT_ISA
