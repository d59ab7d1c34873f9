/* An instant as ISO 8601 text; every change has two. `iso_text` of app/events/instants.py does the same. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#define ISO_LENGTH 24
#define DAY 86400000LL
#define YEAR_1 (-62135596800000LL) /* 0001-01-01T00:00:00.000Z */
#define YEAR_9999_END 253402300799999LL

static void put_digits(char *place, long long number, int digits) {
    for (; digits > 0; number /= 10) place[--digits] = (char)('0' + number % 10);
}

/* The date is that of Howard Hinnant's "chrono-compatible low-level date
   algorithms", civil_from_days: years that begin in March, eras of 400 years. */
static PyObject *iso(PyObject *module, PyObject *number) {
    long long instant = PyLong_AsLongLong(number);
    if (instant == -1 && PyErr_Occurred()) return NULL;
    if (instant < YEAR_1 || instant > YEAR_9999_END) {
        PyErr_Format(PyExc_OverflowError, "%lld ms is not within the years 1 to 9999", instant);
        return NULL;
    }
    long long shifted = instant + 719468LL * DAY; /* since 0000-03-01 */
    long long days = (shifted + 400LL * DAY) / DAY - 400, rest = shifted - days * DAY;
    long long era = days < 0 ? -1 : days / 146097, day_of_era = days - era * 146097;
    long long year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    long long day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    long long month = (5 * day_of_year + 2) / 153;
    PyObject *text = PyUnicode_New(ISO_LENGTH, 127);
    if (text == NULL) return NULL;
    char *place = (char *)PyUnicode_1BYTE_DATA(text);
    memcpy(place, "YYYY-MM-DDThh:mm:ss.sssZ", ISO_LENGTH);
    put_digits(place, year + era * 400 + (month >= 10), 4);
    put_digits(place + 5, month < 10 ? month + 3 : month - 9, 2);
    put_digits(place + 8, day_of_year - (153 * month + 2) / 5 + 1, 2);
    put_digits(place + 11, rest / 3600000, 2);
    put_digits(place + 14, rest / 60000 % 60, 2);
    put_digits(place + 17, rest / 1000 % 60, 2);
    put_digits(place + 20, rest % 1000, 3);
    return text;
}

static PyMethodDef functions[] = {{"iso", iso, METH_O, "An instant in milliseconds as text."}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_instants", .m_size = -1, .m_methods = functions,
                                    .m_doc = "Instants as text."};

PyMODINIT_FUNC PyInit__instants(void) { return PyModule_Create(&module); }
