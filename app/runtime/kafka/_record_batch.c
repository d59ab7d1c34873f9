/* The records of a record batch, encoded without the interpreter.

   Kafka, message format 2 (https://kafka.apache.org/documentation/#record): each record is its length, then attributes
   (none), its time and its offset behind the first one's, key, value, headers. All numbers are zigzag varints. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define INTERFACE 1 /* as in app/runtime/kafka/record_batch.py */
#define VARINT_BYTES_MAX 10
#define ABSENT (-1)

typedef struct {
    char *start;
    Py_ssize_t length, room;
} Buffer;

/* Key, value, or a header's: NULL stands for None. */
typedef struct {
    const char *start;
    Py_ssize_t length;
} Text;

static uint64_t zigzag(int64_t number) { return ((uint64_t)number << 1) ^ (uint64_t)(number >> 63); }

static Py_ssize_t varint_bytes(int64_t number) {
    Py_ssize_t count = 1;
    for (uint64_t rest = zigzag(number); rest > 0x7f; rest >>= 7) count++;
    return count;
}

static void put_varint(Buffer *to, int64_t number) {
    uint64_t rest = zigzag(number);
    for (; rest > 0x7f; rest >>= 7) to->start[to->length++] = (char)(rest | 0x80);
    to->start[to->length++] = (char)rest;
}

static int reserve(Buffer *to, Py_ssize_t more) {
    if (to->length + more <= to->room) return 0;
    Py_ssize_t room = 2 * to->room + more;
    char *start = PyMem_Realloc(to->start, (size_t)room);
    if (start == NULL) return PyErr_NoMemory(), -1;
    to->start = start;
    to->room = room;
    return 0;
}

static Py_ssize_t text_bytes(Text text) {
    return text.start == NULL ? varint_bytes(ABSENT) : varint_bytes(text.length) + text.length;
}

static void put_text(Buffer *to, Text text) {
    put_varint(to, text.start == NULL ? ABSENT : text.length);
    if (text.start == NULL) return;
    memcpy(to->start + to->length, text.start, (size_t)text.length);
    to->length += text.length;
}

static int read_bytes(PyObject *given, Text *text, const char *what) {
    if (given == Py_None) return *text = (Text){NULL, 0}, 0;
    if (!PyBytes_CheckExact(given)) {
        PyErr_Format(PyExc_TypeError, "a %s is bytes or None, not %.80s", what, Py_TYPE(given)->tp_name);
        return -1;
    }
    *text = (Text){PyBytes_AS_STRING(given), PyBytes_GET_SIZE(given)};
    return 0;
}

static int read_header(PyObject *header, Text *name, Text *value) {
    if (!PyTuple_CheckExact(header) || PyTuple_GET_SIZE(header) != 2 ||
        !PyUnicode_CheckExact(PyTuple_GET_ITEM(header, 0))) {
        PyErr_SetString(PyExc_TypeError, "a header is a name and bytes");
        return -1;
    }
    name->start = PyUnicode_AsUTF8AndSize(PyTuple_GET_ITEM(header, 0), &name->length);
    return name->start == NULL ? -1 : read_bytes(PyTuple_GET_ITEM(header, 1), value, "header's value");
}

static Py_ssize_t headers_bytes(PyObject *headers) {
    Py_ssize_t count = PyList_GET_SIZE(headers), bytes = varint_bytes(count);
    for (Py_ssize_t number = 0; number < count; number++) {
        Text name, value;
        if (read_header(PyList_GET_ITEM(headers, number), &name, &value) < 0) return -1;
        bytes += text_bytes(name) + text_bytes(value);
    }
    return bytes;
}

static int put_headers(Buffer *to, PyObject *headers) {
    put_varint(to, PyList_GET_SIZE(headers));
    for (Py_ssize_t number = 0; number < PyList_GET_SIZE(headers); number++) {
        Text name, value;
        if (read_header(PyList_GET_ITEM(headers, number), &name, &value) < 0) return -1;
        put_text(to, name);
        put_text(to, value);
    }
    return 0;
}

/* 1: appended; 0: it does not fit after the others; -1: an exception is set. */
static int append(Buffer *to, PyObject *row, Py_ssize_t number, Py_ssize_t bytes_max) {
    if (!PyTuple_CheckExact(row) || PyTuple_GET_SIZE(row) != 3 || !PyList_CheckExact(PyTuple_GET_ITEM(row, 2))) {
        PyErr_SetString(PyExc_TypeError, "a row is a key, a value, and a list of headers");
        return -1;
    }
    Text key, value;
    PyObject *headers = PyTuple_GET_ITEM(row, 2);
    if (read_bytes(PyTuple_GET_ITEM(row, 0), &key, "key") < 0 ||
        read_bytes(PyTuple_GET_ITEM(row, 1), &value, "value") < 0)
        return -1;
    Py_ssize_t bytes = headers_bytes(headers);
    if (bytes < 0) return -1;
    bytes += 1 + varint_bytes(0) + varint_bytes(number) + text_bytes(key) + text_bytes(value);
    if (number > 0 && to->length + varint_bytes(bytes) + bytes > bytes_max) return 0;
    if (reserve(to, VARINT_BYTES_MAX + bytes) < 0) return -1;
    put_varint(to, bytes);
    to->start[to->length++] = 0;
    put_varint(to, 0);
    put_varint(to, number);
    put_text(to, key);
    put_text(to, value);
    return put_headers(to, headers) < 0 ? -1 : 1;
}

static PyObject *encode_records(PyObject *module, PyObject *arguments) {
    PyObject *rows;
    Py_ssize_t first, bytes_max;
    if (!PyArg_ParseTuple(arguments, "O!nn", &PyList_Type, &rows, &first, &bytes_max)) return NULL;
    static Buffer to = {NULL, 0, 0}; /* kept: the allocation would cost more than the work */
    to.length = 0;
    Py_ssize_t count = 0;
    int done = 1;
    while (done == 1 && first + count < PyList_GET_SIZE(rows)) {
        done = append(&to, PyList_GET_ITEM(rows, first + count), count, bytes_max);
        count += done == 1;
    }
    return done < 0 ? NULL : Py_BuildValue("y#n", to.start == NULL ? "" : to.start, to.length, count);
}

static PyMethodDef functions[] = {
    {"encode_records", encode_records, METH_VARARGS, "(rows, first, bytes_max) -> (as many as fit, how many)"},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_record_batch", .m_size = -1,
                                    .m_doc = "The records of a record batch.", .m_methods = functions};

PyMODINIT_FUNC PyInit__record_batch(void) {
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddIntConstant(made, "INTERFACE", INTERFACE) < 0) Py_CLEAR(made);
    return made;
}
