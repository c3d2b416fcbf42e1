// Activations and their derivatives, each over a whole buffer.
#pragma once

#include "math.hpp"
#include "spec.hpp"

namespace KOHORT_ISA {

using kohort::Activation;

template <class T>
constexpr T SELU_ALPHA = T(1.6732632423543772848170429916717);
template <class T>
constexpr T SELU_SCALE = T(1.0507009873554804934193349852946);

// Each rule gives `value(x)` and `slope(x, value)`. Where `of_value` is true the slope is told by the
// value alone, so that the value may be written over its argument.
template <class T>
struct Relu {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return positive_part(x); }
    KOHORT_INLINE T slope(T, T value) const { return value > 0 ? T(1) : T(0); }
};
template <class T>
struct LeakyRelu {
    static constexpr bool of_value = false;
    T alpha;
    KOHORT_INLINE T value(T x) const { return x > 0 ? x : alpha * x; }
    KOHORT_INLINE T slope(T x, T) const { return x > 0 ? T(1) : alpha; }
};
template <class T>
struct Elu {
    static constexpr bool of_value = false;
    T alpha;
    KOHORT_INLINE T value(T x) const { return x > 0 ? x : alpha * fast_expm1(x > 0 ? T(0) : x); }
    KOHORT_INLINE T slope(T x, T value) const { return x > 0 ? T(1) : value + alpha; }
};
template <class T>
struct Celu {
    static constexpr bool of_value = false;
    T alpha;
    KOHORT_INLINE T value(T x) const {
        return x > 0 ? x : alpha * fast_expm1((x > 0 ? T(0) : x) / alpha);
    }
    KOHORT_INLINE T slope(T x, T value) const { return x > 0 ? T(1) : value / alpha + 1; }
};
template <class T>
struct Selu {
    static constexpr bool of_value = false;
    KOHORT_INLINE T value(T x) const {
        return SELU_SCALE<T> * (x > 0 ? x : SELU_ALPHA<T> * fast_expm1(x > 0 ? T(0) : x));
    }
    KOHORT_INLINE T slope(T x, T value) const {
        return x > 0 ? SELU_SCALE<T> : value + SELU_SCALE<T> * SELU_ALPHA<T>;
    }
};
template <class T>
struct Softplus {
    static constexpr bool of_value = false;
    T beta;
    KOHORT_INLINE T value(T x) const { return fast_softplus(beta * x) / beta; }
    KOHORT_INLINE T slope(T x, T) const { return fast_sigmoid(beta * x); }
};
template <class T>
struct Swish {
    static constexpr bool of_value = false;
    T beta;
    KOHORT_INLINE T value(T x) const { return x * fast_sigmoid(beta * x); }
    KOHORT_INLINE T slope(T x, T) const {
        const T s = fast_sigmoid(beta * x);
        return s + beta * x * s * (1 - s);
    }
};
template <class T>
struct Gelu {
    static constexpr bool of_value = false;
    static KOHORT_INLINE T cumulative(T x) {
        return T(0.5) * (1 + fast_erf(x * T(0.70710678118654752440)));
    }
    KOHORT_INLINE T value(T x) const { return x * cumulative(x); }
    KOHORT_INLINE T slope(T x, T) const {
        return cumulative(x) + x * T(0.39894228040143267794) * fast_exp(x * x * T(-0.5));
    }
};
template <class T>
struct GeluTanh {
    static constexpr bool of_value = false;
    static constexpr T c = T(0.79788456080286535588), d = T(0.044715);
    KOHORT_INLINE T value(T x) const { return T(0.5) * x * (1 + fast_tanh(c * (x + d * x * x * x))); }
    KOHORT_INLINE T slope(T x, T) const {
        const T t = fast_tanh(c * (x + d * x * x * x));
        return T(0.5) * (1 + t) + T(0.5) * x * (1 - t * t) * c * (1 + 3 * d * x * x);
    }
};
template <class T>
struct Mish {
    static constexpr bool of_value = false;
    KOHORT_INLINE T value(T x) const { return x * fast_tanh(fast_softplus(x)); }
    KOHORT_INLINE T slope(T x, T) const {
        const T t = fast_tanh(fast_softplus(x));
        return t + x * (1 - t * t) * fast_sigmoid(x);
    }
};
template <class T>
struct Tanh {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return fast_tanh(x); }
    KOHORT_INLINE T slope(T, T value) const { return 1 - value * value; }
};
template <class T>
struct Sigmoid {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return fast_sigmoid(x); }
    KOHORT_INLINE T slope(T, T value) const { return value * (1 - value); }
};
template <class T>
struct Softsign {
    static constexpr bool of_value = false;
    static KOHORT_INLINE T size(T x) { return 1 + (x > 0 ? x : -x); }
    KOHORT_INLINE T value(T x) const { return x / size(x); }
    KOHORT_INLINE T slope(T x, T) const { return 1 / (size(x) * size(x)); }
};
template <class T>
KOHORT_INLINE T between(T x, T low, T high) {
    return x < low ? low : (x > high ? high : x);
}
template <class T>
struct HardSigmoid {
    static constexpr bool of_value = false;
    KOHORT_INLINE T value(T x) const { return between<T>(x + 3, 0, 6) / 6; }
    KOHORT_INLINE T slope(T x, T) const { return x > -3 && x < 3 ? T(1) / 6 : T(0); }
};
template <class T>
struct Relu6 {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return between<T>(x, 0, 6); }
    KOHORT_INLINE T slope(T, T value) const { return value > 0 && value < 6 ? T(1) : T(0); }
};
template <class T>
struct HardSilu {
    static constexpr bool of_value = false;
    KOHORT_INLINE T value(T x) const { return x * (between<T>(x + 3, 0, 6) / 6); }
    KOHORT_INLINE T slope(T x, T) const {
        return between<T>(x + 3, 0, 6) / 6 + (x > -3 && x < 3 ? x / 6 : T(0));
    }
};
template <class T>
struct Exponential {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return fast_exp(x); }
    KOHORT_INLINE T slope(T, T value) const { return value; }
};
template <class T>
struct Linear {
    static constexpr bool of_value = true;
    KOHORT_INLINE T value(T x) const { return x; }
    KOHORT_INLINE T slope(T, T) const { return T(1); }
};

// Call `use(rule)` with the rule of an activation that has the number `alpha`.
template <class T, class Use>
inline void with_activation(Activation which, T alpha, Use use) {
    switch (which) {
        case Activation::relu: return use(Relu<T>{});
        case Activation::leaky_relu:
        case Activation::prelu: return use(LeakyRelu<T>{alpha});
        case Activation::elu: return use(Elu<T>{alpha});
        case Activation::selu: return use(Selu<T>{});
        case Activation::softplus: return use(Softplus<T>{alpha});
        case Activation::silu: return use(Swish<T>{T(1)});
        case Activation::swish: return use(Swish<T>{alpha});
        case Activation::gelu: return use(Gelu<T>{});
        case Activation::gelu_tanh: return use(GeluTanh<T>{});
        case Activation::mish: return use(Mish<T>{});
        case Activation::tanh: return use(Tanh<T>{});
        case Activation::sigmoid: return use(Sigmoid<T>{});
        case Activation::softsign: return use(Softsign<T>{});
        case Activation::hard_sigmoid: return use(HardSigmoid<T>{});
        case Activation::relu6: return use(Relu6<T>{});
        case Activation::celu: return use(Celu<T>{alpha});
        case Activation::hard_silu:
        case Activation::hard_swish: return use(HardSilu<T>{});
        case Activation::exponential: return use(Exponential<T>{});
        case Activation::linear: return use(Linear<T>{});
    }
}

template <class T, class Rule>
inline void activate(const Rule& rule, const T* __restrict x, T* __restrict value, Index count) {
#pragma GCC ivdep
    for (Index i = 0; i < count; i++) value[i] = rule.value(x[i]);
}

template <class T, class Rule>
inline void activate(const Rule& rule, T* values, Index count) {
#pragma GCC ivdep
    for (Index i = 0; i < count; i++) values[i] = rule.value(values[i]);
}

// gradient *= slope
template <class T, class Rule>
inline void chain(const Rule& rule, const T* x, const T* value, T* __restrict gradient,
                  Index count) {
#pragma GCC ivdep
    for (Index i = 0; i < count; i++) gradient[i] *= rule.slope(x[i], value[i]);
}

}  // namespace KOHORT_ISA
